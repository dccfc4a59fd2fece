"""What the header of a volume or picture file says, judged before memory is asked for or another file is opened."""

import math
import zlib
from pathlib import Path

import nibabel as nib
import SimpleITK as sitk
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError, SpatialImage
from PIL import Image, UnidentifiedImageError

from sdseg.dicom.limits import LARGEST_SERIES
from sdseg.errors import InputError

NIFTI = (".nii", ".nii.gz")
NRRD = ".nrrd"
ITK = (NRRD, ".nhdr", ".mha", ".mhd")
PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")
READ_ERRORS = (
    *(ImageFileError, HeaderDataError, UnidentifiedImageError, Image.DecompressionBombError, zlib.error),
    *(OSError, EOFError, ValueError, RuntimeError, KeyError, OverflowError, MemoryError),
)
_HEADER = 2**20  # bytes; longer than any header of a NRRD
_ELSEWHERE = (b"data file:", b"datafile:")


def check_volume(path: Path) -> None:
    """Refuse a file that would unpack to more values than a DICOM series may have, or whose voxels lie elsewhere.

    A few compressed kilobytes can stand for gigabytes; and a NRRD can name any file of this machine as its data. What
    cannot be read at all is left to its reader, which says so. Raises InputError.
    """
    try:
        values = _values(path)
    except Image.DecompressionBombError:
        raise _too_large(path, "far more") from None
    except READ_ERRORS:
        return
    if values > LARGEST_SERIES:
        raise _too_large(path, str(values))


def _values(path: Path) -> int:
    """How many the header tells of; 0 for files of other kinds."""
    name = path.name.lower()
    if name.endswith(NIFTI):
        image = nib.load(path)
        return math.prod(int(side) for side in image.shape) if isinstance(image, SpatialImage) else 0
    if name.endswith(ITK):
        if name.endswith(NRRD):
            _check_attached(path)
        reader = sitk.ImageFileReader()
        reader.SetFileName(str(path))
        reader.ReadImageInformation()
        return math.prod(reader.GetSize()) * int(reader.GetNumberOfComponents())
    if name.endswith(PICTURES):
        with Image.open(path) as picture:
            return math.prod(picture.size) * len(picture.getbands())
    return 0


def _check_attached(path: Path) -> None:
    """A NRRD's header ends with an empty line; a detached one is called .nhdr, and never comes from outside."""
    with path.open("rb") as stream:
        lines = stream.read(_HEADER).replace(b"\r\n", b"\n").partition(b"\n\n")[0].split(b"\n")
    if any(line.strip().lower().startswith(_ELSEWHERE) for line in lines):
        raise InputError(f"{path.name} names another file for its voxels: save it with its voxels in it.")


def _too_large(path: Path, values: str) -> InputError:
    sentence = f"{path.name} says that it holds {values} values: at most {LARGEST_SERIES} are read; crop the image."
    return InputError(sentence)
