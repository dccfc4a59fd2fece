"""Masks in files: read onto the voxel grid of their image, and written so that every viewer gets them right."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sdseg.dicom.files import is_dicom, is_series
from sdseg.dicom.seg_reader import read_seg
from sdseg.dicom.series import load_series
from sdseg.errors import InputError, LabelError
from sdseg.volume.compact import CompactLabelmap
from sdseg.volume.grid import Grid, on_grid
from sdseg.volume.mask_files import write_mask
from sdseg.volume.volume_files import grid_of, read

LARGEST = np.iinfo(np.uint8).max


def load_labelmap_like(
    path: str | Path, image_path: str | Path, labels: Mapping[str, int] | None = None
) -> NDArray[np.uint8]:
    """The mask in a file on the voxel grid of its image, uint8 (i, j, k); never resampled.

    Args:
        path: NIfTI, NRRD, MetaImage, DICOM SEG, a picture, or raw .bin in the voxel order of the image (as OHIF saves
            it). Flipped and permuted axes are undone by the affine.
        image_path: DICOM series folder, NIfTI, NRRD, MetaImage or picture.
        labels: names to values for a DICOM SEG, whose own values are its segment numbers.

    Raises LabelError: another shape, spacing, orientation or place (by more than 0.01 voxel), or values that are no
    whole numbers from 0 to 255; InputError: a file that cannot be read.
    """
    path, image_path = Path(path), Path(image_path)
    if not path.exists():
        raise InputError(f"{path} does not exist: check the path.")
    if is_dicom(path):
        if not is_series(image_path):
            raise LabelError(f"{path.name} is a DICOM SEG, {image_path.name} no DICOM series: give the series' folder.")
        return np.ascontiguousarray(read_seg(path, load_series(image_path), labels)[0].transpose(2, 1, 0))
    image = grid_of(image_path)
    if path.suffix.lower() == ".bin":
        return as_labels(read_raw(path, image), path.name)
    values, mask = read(path)
    return as_labels(on_grid(values, mask, image, path.name), path.name)


def read_raw(path: Path, image: Grid) -> NDArray[np.unsignedinteger]:
    """Voxels without a header, i fastest, one byte or two (little endian) each."""
    size, voxels = path.stat().st_size, int(np.prod(image.shape))
    if size not in (voxels, 2 * voxels):
        raise LabelError(f"{path.name} has {size} bytes, the image {voxels} voxels: save the mask of this image.")
    return np.fromfile(path, dtype="u1" if size == voxels else "<u2").reshape(image.shape, order="F")


def as_labels(values: NDArray, name: str) -> NDArray[np.uint8]:
    """The values as uint8; LabelError where one is no whole number from 0 to 255."""
    with np.errstate(invalid="ignore"):  # not a number becomes some number, and is then refused
        whole = np.asarray(values).astype(np.uint8)
    odd = values[whole != values]
    if odd.size:
        raise LabelError(f"{name} holds the value {odd[0]:g}: a mask holds whole numbers from 0 to {LARGEST}.")
    return np.ascontiguousarray(whole)


def save_labelmap(
    labelmap: NDArray[np.integer] | CompactLabelmap,
    affine: NDArray[np.floating],
    path: str | Path,
    compress: bool = False,
) -> Path:
    """Write a mask as NIfTI (.nii, .nii.gz) or NRRD (.nrrd) in one step and return the path.

    A NRRD holds uint8 voxels, raw unless `compress`, in the order of the array, i fastest: OHIF ignores the header
    and takes the voxels as those of the source, Slicer goes by the header.

    Args:
        labelmap: (i, j, k), values 0 to 255; of a compact one no more than a few slices are unpacked at a time.
        affine: 4x4, index (i, j, k) to RAS mm.

    Raises LabelError: no volume, or other values; InputError: another suffix, or the file cannot be written.
    """
    path = Path(path)
    if isinstance(labelmap, CompactLabelmap):
        write_mask(path, labelmap.size, labelmap, affine, compress)
        return path
    values = as_labels(np.asarray(labelmap), "The mask")
    if values.ndim != 3:
        raise LabelError(f"The mask has the shape {values.shape}: three axes (i, j, k) are needed.")
    i, j, k = values.shape
    write_mask(path, (i, j, k), values.transpose(2, 1, 0), affine, compress)
    return path
