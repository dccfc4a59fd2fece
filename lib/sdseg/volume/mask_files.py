"""Mask files written slice by slice: the header first, as the format's library makes it, then the voxels."""

import io
import os
import uuid
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from sdseg.dicom.seg_planes import Plane
from sdseg.errors import InputError
from sdseg.volume.volume_files import LPS_TO_RAS

_BEST, _GZIP = 9, 31  # zlib's level, and its wbits for a gzip member without a time


def nifti_header(shape: tuple[int, int, int], affine: NDArray[np.floating]) -> bytes:
    """What lies before the voxels of a NIfTI-1 file, millimetres, scanner coordinates; `shape` (i, j, k)."""
    image = nib.Nifti1Image(np.broadcast_to(np.uint8(0), shape), affine)  # one byte stands for all voxels
    image.header.set_xyzt_units("mm")
    image.set_sform(affine, code=1)
    image.set_qform(affine, code=1)
    image.update_header()
    image.header.set_slope_inter(1, 0)
    header = io.BytesIO()
    image.header.write_to(header)
    return header.getvalue().ljust(image.header.get_data_offset(), b"\0")


def nrrd_header(shape: tuple[int, int, int], affine: NDArray[np.floating], compress: bool) -> bytes:
    """What lies before the voxels of a NRRD file with its space directions in LPS mm; `shape` (i, j, k)."""
    lps = LPS_TO_RAS @ np.asarray(affine, dtype=float)
    vectors = [f"({','.join(f'{mm:.12g}' for mm in column)})" for column in lps[:3].T]
    header = [
        "NRRD0004",
        "type: uint8",
        "dimension: 3",
        "space: left-posterior-superior",
        f"sizes: {' '.join(map(str, shape))}",
        f"space directions: {' '.join(vectors[:3])}",
        "kinds: domain domain domain",
        f"encoding: {'gzip' if compress else 'raw'}",
        f"space origin: {vectors[3]}",
    ]
    return "\n".join([*header, "", ""]).encode("ascii")


def write_raw(stream: BinaryIO, header: bytes, planes: Iterable[Plane]) -> None:
    """The header and the voxels, i fastest; `planes` are the slices (k), each (rows, columns) = (j, i)."""
    stream.write(header)
    for plane in planes:
        stream.write(np.ascontiguousarray(plane).data)


def write_gzip(stream: BinaryIO, header: bytes, planes: Iterable[Plane], header_too: bool) -> None:
    """The same as one gzip member, or behind a plain header; the same slices give the same bytes."""
    packer = zlib.compressobj(_BEST, zlib.DEFLATED, _GZIP)
    stream.write(packer.compress(header) if header_too else header)
    for plane in planes:
        stream.write(packer.compress(np.ascontiguousarray(plane).data))
    stream.write(packer.flush())


def write_mask(
    path: Path,
    shape: tuple[int, int, int],
    planes: Iterable[Plane],
    affine: NDArray[np.floating],
    compress: bool = False,
) -> None:
    """A .nii, .nii.gz or .nrrd file, whole or not at all; `compress` is for NRRD. No more than a slice is held.

    Args:
        shape: (i, j, k).
        planes: its slices (k), each (rows, columns) = (j, i) uint8.
        affine: 4x4, index (i, j, k) to RAS mm.

    Raises InputError: another suffix, or the file cannot be written.
    """
    name = path.name.lower()
    if not name.endswith((".nii", ".nii.gz", ".nrrd")):
        raise InputError(f"{path.name} is of an unknown kind: masks are written as .nii.gz or .nrrd.")
    is_nifti = not name.endswith(".nrrd")
    header = nifti_header(shape, affine) if is_nifti else nrrd_header(shape, affine, compress)
    with whole_file(path) as stream:
        if name.endswith(".gz") or (compress and not is_nifti):
            write_gzip(stream, header, planes, header_too=is_nifti)
        else:
            write_raw(stream, header, planes)


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A stream for the whole file or none; InputError where it cannot be written."""
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        with partial.open("xb") as stream:
            yield stream
        os.replace(partial, path)
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}): choose another place.") from None
    finally:
        partial.unlink(missing_ok=True)
