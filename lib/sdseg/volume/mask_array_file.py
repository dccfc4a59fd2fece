"""A labelmap as NumPy's .npy (i, j, k) uint8, i fastest, written and read a few slices at a time."""

from collections.abc import Iterable
from typing import IO

import numpy as np
from numpy.lib import format as npy

from sdseg.dicom.seg_planes import Plane
from sdseg.volume.compact import CompactLabelmap

_SLICES = 16


def write_npy(stream: IO[bytes], shape: tuple[int, int, int], planes: Iterable[Plane]) -> None:
    """What `numpy.lib.format.write_array` makes of the array: `shape` (i, j, k), `planes` (k) of (j, i). Raises
    OSError."""
    npy.write_array_header_1_0(stream, {"descr": "|u1", "fortran_order": True, "shape": shape})
    for plane in planes:
        stream.write(np.ascontiguousarray(plane).data)


def read_npy(stream: IO[bytes]) -> CompactLabelmap:
    """What `write_npy` wrote. Raises ValueError: something else, cut short, or with something behind it."""
    if npy.read_magic(stream) != (1, 0):
        raise ValueError("another version of the format")
    shape, in_order, dtype = npy.read_array_header_1_0(stream)
    if dtype != np.uint8 or len(shape) != 3 or not in_order:
        raise ValueError("no labelmap with i fastest")
    columns, rows, slices = shape
    labelmap = CompactLabelmap((columns, rows, slices))
    for start in range(0, slices, _SLICES):
        count = min(_SLICES, slices - start)
        content = stream.read(count * rows * columns)
        part = np.frombuffer(content, dtype=np.uint8).reshape(count, rows, columns)
        labelmap.put(part.transpose(2, 1, 0), 2, start)
    if stream.read(1):
        raise ValueError("longer than its header says")
    return labelmap
