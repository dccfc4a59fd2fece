"""Volume and picture files as arrays (i, j, k) with a grid; i is the column of a slice or picture, j its row."""

from pathlib import Path

import nibabel as nib
import numpy as np
import SimpleITK as sitk
from nibabel.spatialimages import SpatialImage
from numpy.typing import NDArray
from PIL import Image

from sdseg.dicom.files import is_series
from sdseg.dicom.series import load_series
from sdseg.errors import InputError, LabelError
from sdseg.volume.grid import Grid
from sdseg.volume.volume_check import ITK, NIFTI, PICTURES, READ_ERRORS, check_volume

LOSSY = (".jpg", ".jpeg")
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def has_suffix(path: Path, suffixes: tuple[str, ...]) -> bool:
    """Whether the file name ends so, in any case."""
    return path.name.lower().endswith(suffixes)


def grid_of(path: Path) -> Grid:
    """The grid of an image: a DICOM series folder, NIfTI, NRRD, MetaImage or picture; InputError names the file."""
    if not path.exists():
        raise InputError(f"{path} does not exist: check the path.")
    if is_series(path):
        series = load_series(path)
        slices, rows, columns = series.shape
        return Grid((columns, rows, slices), series.affine)
    return read(path)[1]


def read(path: Path) -> tuple[NDArray, Grid]:
    """Values (i, j, k) and the grid; InputError names the file, LabelError where it has several layers."""
    if not path.is_file():
        raise InputError(f"{path} does not exist, or is no file: check the path.")
    readers = {NIFTI: read_nifti, ITK: read_itk, PICTURES: read_picture}
    reader = next((reader for suffixes, reader in readers.items() if has_suffix(path, suffixes)), None)
    if reader is None:
        raise InputError(f"{path.name} is of an unknown kind: give NIfTI, NRRD, MetaImage or a DICOM SEG.")
    check_volume(path)
    try:
        return reader(path)
    except READ_ERRORS:
        raise InputError(f"{path.name} is truncated, damaged or of another kind than its name says.") from None


def read_channel(path: Path, channel: int) -> tuple[NDArray, Grid]:
    """One channel of a picture, values as stored; InputError names the file, LabelError where it has fewer channels."""
    if not path.is_file():
        raise InputError(f"{path} does not exist, or is no file: check the path.")
    try:
        with Image.open(path) as picture:
            # One bit and palettes store no values of their own.
            plain = picture.convert({"1": "L", "P": "RGB"}.get(picture.mode, picture.mode))
            values = np.atleast_3d(np.array(plain)).transpose(1, 0, 2)
    except READ_ERRORS:
        raise InputError(f"{path.name} is truncated, damaged or of another kind than its name says.") from None
    if channel >= values.shape[2]:
        raise LabelError(
            f"{path.name} has {values.shape[2]} channels, so there is no channel {channel}, counting from 0."
        )
    found = values[..., channel : channel + 1]
    return found, Grid((found.shape[0], found.shape[1], 1), np.eye(4))


def read_nifti(path: Path) -> tuple[NDArray, Grid]:
    """NIfTI-1 or 2; a fourth axis of one is dropped."""
    image = nib.load(path)
    if not isinstance(image, SpatialImage):
        raise ValueError("no volume")
    values = np.asanyarray(image.dataobj)
    if values.size != np.prod(values.shape[:3]):
        raise ValueError("several volumes")
    i, j, k = (*values.shape, 1, 1)[:3]
    return values.reshape(i, j, k), Grid((i, j, k), np.asarray(image.affine, dtype=np.float64))


def read_itk(path: Path) -> tuple[NDArray, Grid]:
    """NRRD or MetaImage through ITK, whose arrays are (k, j, i) and whose world is LPS."""
    image = sitk.ReadImage(str(path))
    if image.GetNumberOfComponentsPerPixel() > 1:
        raise LabelError(f"{path.name} holds overlapping segments in layers, or colours: export it as one labelmap.")
    if image.GetDimension() != 3:
        raise ValueError("not three-dimensional")
    lps = np.eye(4)
    lps[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
    lps[:3, 3] = image.GetOrigin()
    i, j, k = image.GetSize()
    return sitk.GetArrayFromImage(image).transpose(2, 1, 0), Grid((i, j, k), LPS_TO_RAS @ lps)


def read_picture(path: Path) -> tuple[NDArray, Grid]:
    """A grey picture as (columns, rows, 1); black and white become 0 and 1, also where JPEG has blurred them."""
    with Image.open(path) as picture:
        values = np.array(picture if picture.mode in ("1", "P", "I", "I;16") else picture.convert("L")).T
    if has_suffix(path, LOSSY):
        values = values > 127
    elif set(np.unique(values)) <= {0, 255}:
        values = values > 0
    return values[..., None], Grid((*values.shape, 1), np.eye(4))
