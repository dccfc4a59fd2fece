"""Masks in files: read onto the voxel grid of their image, and written so that every viewer gets them right."""

import gzip
import os
import uuid
from collections.abc import Mapping
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from sdseg.dicom.files import is_dicom, is_series
from sdseg.dicom.seg_reader import read_seg
from sdseg.dicom.series import load_series
from sdseg.errors import InputError, LabelError
from sdseg.volume.grid import Grid, on_grid
from sdseg.volume.volume_files import LPS_TO_RAS, grid_of, read

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
    labelmap: NDArray[np.integer], affine: NDArray[np.floating], path: str | Path, compress: bool = False
) -> Path:
    """Write a mask as NIfTI (.nii, .nii.gz) or NRRD (.nrrd) in one step and return the path.

    A NRRD holds uint8 voxels, raw unless `compress`, in the order of the array, i fastest: OHIF ignores the header
    and takes the voxels as those of the source, Slicer goes by the header.

    Args:
        labelmap: (i, j, k), values 0 to 255.
        affine: 4x4, index (i, j, k) to RAS mm.

    Raises LabelError: no volume, or other values; InputError: another suffix, or the file cannot be written.
    """
    path = Path(path)
    values = as_labels(np.asarray(labelmap), "The mask")
    if values.ndim != 3:
        raise LabelError(f"The mask has the shape {values.shape}: three axes (i, j, k) are needed.")
    if path.name.lower().endswith((".nii", ".nii.gz")):
        content = nifti(values, affine)
        content = gzip.compress(content, mtime=0) if path.suffix.lower() == ".gz" else content
    elif path.suffix.lower() == ".nrrd":
        content = nrrd(values, affine, compress)
    else:
        raise InputError(f"{path.name} is of an unknown kind: masks are written as .nii.gz or .nrrd.")
    write_whole(content, path)
    return path


def nifti(values: NDArray[np.uint8], affine: NDArray[np.floating]) -> bytes:
    """A NIfTI-1 file, millimetres, scanner coordinates."""
    image = nib.Nifti1Image(values, affine)
    image.header.set_xyzt_units("mm")
    image.set_sform(affine, code=1)
    image.set_qform(affine, code=1)
    return bytes(image.to_bytes())


def nrrd(values: NDArray[np.uint8], affine: NDArray[np.floating], compress: bool) -> bytes:
    """A NRRD file with its space directions in LPS mm."""
    lps = LPS_TO_RAS @ np.asarray(affine, dtype=float)
    vectors = [f"({','.join(f'{mm:.12g}' for mm in column)})" for column in lps[:3].T]
    header = [
        "NRRD0004",
        "type: uint8",
        "dimension: 3",
        "space: left-posterior-superior",
        f"sizes: {' '.join(map(str, values.shape))}",
        f"space directions: {' '.join(vectors[:3])}",
        "kinds: domain domain domain",
        f"encoding: {'gzip' if compress else 'raw'}",
        f"space origin: {vectors[3]}",
    ]
    voxels = values.tobytes(order="F")
    return "\n".join([*header, "", ""]).encode("ascii") + (gzip.compress(voxels, mtime=0) if compress else voxels)


def write_whole(content: bytes, path: Path) -> None:
    """The whole file or none; InputError where it cannot be written."""
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        partial.write_bytes(content)
        os.replace(partial, path)
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}): choose another place.") from None
    finally:
        partial.unlink(missing_ok=True)
