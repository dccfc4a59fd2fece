"""Masks in files: read on an image's grid and checked, written for viewers."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdseg.dicom.series import load_series
from sdseg.errors import LabelError
from sdseg.scratch import new_scratch_file, scratch_folder
from sdseg.volume.compact import CompactLabelmap
from sdseg.volume.labelmap import load_labelmap_like, save_labelmap
from sdseg.volume.volume_files import grid_of
from sdseg_app.labels.seg_nrrd import SUFFIX, read_seg_nrrd

Labelmap = NDArray[np.uint8]


def read_label(path: Path, image: Path, values: dict[str, int]) -> Labelmap:
    """The mask in `path`, (i, j, k), on the grid of `image`, holding only 0 and the values of `values`.

    Raises:
        LabelError: another grid, or a value that nobody named; InputError: not readable.
    """
    by_name = read_seg_nrrd(path, image, values) if path.name.endswith(SUFFIX) else None
    labelmap: Labelmap = load_labelmap_like(path, image, values) if by_name is None else by_name
    unknown = sorted(set(np.unique(labelmap).tolist()) - {0, *values.values()})
    if unknown:
        named = ", ".join(f"{value} is {name}" for name, value in sorted(values.items(), key=lambda v: v[1]))
        raise LabelError(f"The mask holds the value {unknown[0]}, but {named}; name it in label_info.")
    return labelmap


@contextmanager
def plain_file(label: Path, labelmap: Labelmap, image: Path) -> Iterator[Path]:
    """`label` itself, but for Slicer's `.seg.nrrd` a NRRD of what `read_label` made of it, as others can read it."""
    if not label.name.endswith(SUFFIX):
        yield label
        return
    with scratch_folder() as scratch:
        yield save_labelmap(labelmap, grid_of(image).affine, scratch / "label.nrrd")


def write_label(labelmap: Labelmap, series: Path, path: Path) -> Path:
    """Write a mask of a DICOM series, on the series' own grid, and return `path`."""
    save_labelmap(labelmap, load_series(series).affine, path)
    return path


def digest_of(labelmap: Labelmap, values: dict[str, int]) -> str:
    """SHA-256 of a mask (i, j, k) and the names of its values: the same label has the same."""
    digest = hashlib.sha256()
    for plane in labelmap.transpose(2, 1, 0):  # a slice at a time: no copy of the whole in this order is needed
        digest.update(np.ascontiguousarray(plane).data)
    digest.update(repr(sorted(values.items())).encode())
    return digest.hexdigest()


def result_file(labelmap: CompactLabelmap, affine: Any, extension: str, compress: bool) -> Path:
    """A new temporary file with a result; who asked for it removes it.

    Args:
        labelmap: in the source's voxel order, which OHIF takes without looking at the header.
        affine: (4, 4) voxel index to RAS millimetres.
        extension: kind of file.
        compress: NRRD only; NIfTI follows its own extension.
    """
    path = new_scratch_file(extension)
    return save_labelmap(labelmap, np.asarray(affine, dtype=np.float64), path, compress=compress)
