"""Files that arrive with a request: under a name of ours, gone when the request is."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from fastapi import UploadFile

from sdseg.errors import InputError
from sdseg.scratch import scratch_folder

PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
IMAGES = (".nii.gz", ".nii", ".nrrd", *PICTURES)
LABELS = (".nii.gz", ".nii", ".seg.nrrd", ".nrrd", ".bin", ".dcm", *PICTURES)


@contextmanager
def received(upload: UploadFile, suffixes: Sequence[str]) -> Iterator[Path]:
    """The upload as a file for the duration of the block. Raises InputError for another kind of file.

    Of the client's name only the suffix is used; a message about the file does not tell where it lies.
    """
    suffix = suffix_of(upload, suffixes)
    with scratch_folder() as folder:
        path = folder / f"upload{suffix}"
        with path.open("wb") as stream:
            shutil.copyfileobj(upload.file, stream)
        try:
            yield path
        except InputError as error:
            if str(path) not in str(error):
                raise
            raise InputError(str(error).replace(str(path), "The file that was sent")) from error


def suffix_of(upload: UploadFile, suffixes: Sequence[str]) -> str:
    """The one of `suffixes` that the client's name ends with. Raises InputError."""
    name = (upload.filename or "").lower()
    suffix = next((known for known in suffixes if name.endswith(known)), None)
    if suffix is None:
        # Its name may be a patient's, and this sentence goes into the log.
        raise InputError(f"The file is of no known kind by its name; send one of {', '.join(suffixes)}.")
    return suffix
