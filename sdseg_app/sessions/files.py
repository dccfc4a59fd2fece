"""What a client sends for a session, as one image on the disk under names of ours."""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from sdseg.dicom.files import is_dicom
from sdseg.errors import InputError
from sdseg.volume.volume_check import check_volume
from sdseg_app.sessions.zip_file import unpack
from sdseg_app.uploads import IMAGES

_MIXED = "Send one volume or picture, or the slices of one DICOM series; these files are of several kinds."
Sent = tuple[str, Path]  # the client's name, of which only the suffix counts, and where the file lies


def keep_files(files: Sequence[tuple[str, BinaryIO]], folder: Path) -> Path:
    """The image of these files, (client's name, stream), below `folder`: a file, or a folder of DICOM slices.

    Raises InputError: no file, another kind than an image, several images; then `folder` is to be removed.
    """
    if len(files) == 1 and files[0][0].lower().endswith(".zip"):
        raise InputError("A ZIP file needs uncompress=true, so that its images are unpacked.")
    with tempfile.TemporaryDirectory(dir=folder, prefix=".sent-") as scratch:
        sent = []
        for number, (name, stream) in enumerate(files, 1):
            path = Path(scratch) / f"{number:05d}"
            with path.open("xb") as target:
                shutil.copyfileobj(stream, target)
            sent.append((name, path))
        return _image(sent, folder)


def keep_zip(files: Sequence[tuple[str, BinaryIO]], folder: Path, limit: int) -> Path:
    """The image in one ZIP file of at most `limit` bytes unpacked, as above. Raises InputError."""
    if len(files) != 1:
        raise InputError(f"uncompress=true takes one ZIP file, not {len(files)} files.")
    with tempfile.TemporaryDirectory(dir=folder, prefix=".sent-") as scratch:
        unpacked = unpack(files[0][1], Path(scratch), limit)
        # A disc carries a table of contents, a viewer and notes beside the images.
        known = [one for one in unpacked if _suffix(one[0]) or is_dicom(one[1])]
        dicom = [one for one in known if is_dicom(one[1]) and one[0].upper() != "DICOMDIR"]
        return _image(dicom or known, folder)


def _image(sent: Sequence[Sent], folder: Path) -> Path:
    if not sent:
        raise InputError("There is no image in this request; send a volume, a picture or DICOM files as files=...")
    if all(is_dicom(path) for _, path in sent):
        series = folder / "series"
        series.mkdir()
        for number, (_, path) in enumerate(sent, 1):
            path.rename(series / f"{number:05d}.dcm")
        return series
    if len(sent) > 1:
        raise InputError(_MIXED)
    ((name, path),) = sent
    suffix = _suffix(name)
    if suffix is None:
        raise InputError(f"The file is of no known kind; send DICOM, or one of {', '.join(IMAGES)}.")
    image = path.rename(folder / f"image{suffix}")
    check_volume(image)
    return image


def _suffix(name: str) -> str | None:
    """The known suffix of a client's name."""
    return next((known for known in IMAGES if name.lower().endswith(known)), None)
