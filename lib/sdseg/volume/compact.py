"""A labelmap that is kept compressed and handed out slice by slice."""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from sdseg.dicom.seg_planes import planes_of

Values = NDArray[np.uint8]
_SLICES = 16  # of a tile, where a part runs across the slices or is the whole
_KEPT_BYTES = 8 * 2**20  # unpacked that are kept: of a larger labelmap only what was asked for last
_FASTEST = 1  # of zlib's levels: a mask is long runs of the same value, which the fastest finds too


@dataclass(frozen=True)
class Tile:
    """A box of voxels: `start` and `shape` (i, j, k), and its values, k slowest, compressed."""

    start: tuple[int, int, int]
    shape: tuple[int, int, int]
    packed: bytes

    @classmethod
    def of(cls, planes: Values, start: tuple[int, int, int]) -> Tile:
        """`planes` (k, j, i), contiguous, from `start` on."""
        k, j, i = planes.shape
        return cls(start, (i, j, k), zlib.compress(planes.data, _FASTEST))

    def values(self) -> Values:
        """(k, j, i)."""
        return np.frombuffer(zlib.decompress(self.packed), dtype=np.uint8).reshape(self.shape[::-1])


class CompactLabelmap:
    """A labelmap (i, j, k) on the grid of an image, for DICOM (column, row, slice), filled part by part.

    What is put nowhere is 0. As `MaskPlanes` it is asked for slices (k) of (rows, columns) = (j, i).

    Args:
        size: (i, j, k).
    """

    def __init__(self, size: tuple[int, int, int]) -> None:
        self.size = size
        self.counts = np.zeros(256, dtype=np.int64)
        """Voxels of each value."""
        self._tiles: dict[tuple[int, int], list[Tile]] = defaultdict(list)
        self._held: list[set[int]] = [set() for _ in range(size[2])]
        self._unpacked: dict[tuple[int, int], Values] = {}

    @classmethod
    def of(cls, values: Values) -> CompactLabelmap:
        """All of `values` (i, j, k)."""
        i, j, k = values.shape
        compact = cls((i, j, k))
        for start in range(0, k, _SLICES):
            compact.put(values[..., start : start + _SLICES], 2, start)
        return compact

    def __iter__(self) -> Iterator[Values]:
        """The slices in their order, each (rows, columns), a few unpacked at a time."""
        return planes_of(self)

    def put(self, values: Values, axis: int, start: int) -> None:
        """Take the voxels from `start` on along `axis`, all of the other axes; each voxel once.

        All parts must run along the same axis: those along k may have any number of slices.
        """
        self._unpacked = {}
        planes = np.ascontiguousarray(values.transpose(2, 1, 0))
        for first, tile in self._cut(planes, axis, start):
            counts = [np.bincount(plane.ravel(), minlength=256) for plane in tile]
            self.counts += np.sum(counts, axis=0)
            if not any(count[1:].any() for count in counts):
                continue
            corner = (start if axis == 0 else 0, start if axis == 1 else 0, first)
            self._tiles[first, first + len(tile)].append(Tile.of(tile, corner))
            for k, count in enumerate(counts):
                self._held[first + k].update((np.flatnonzero(count[1:]) + 1).tolist())

    def _cut(self, planes: Values, axis: int, start: int) -> Iterator[tuple[int, Values]]:
        if axis == 2:
            yield start, planes
            return
        for first in range(0, self.size[2], _SLICES):
            yield first, planes[first : first + _SLICES]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing but background."""
        return not self.counts[1:].any()

    @property
    def shape(self) -> tuple[int, int, int]:
        """(slices, rows, columns)."""
        return self.size[2], self.size[1], self.size[0]

    @property
    def packed_bytes(self) -> int:
        """Bytes that are held."""
        return sum(len(tile.packed) for tiles in self._tiles.values() for tile in tiles)

    def values_in(self, index: int) -> tuple[int, ...]:
        """The values in slice `index` that are not 0, rising."""
        return tuple(sorted(self._held[index]))

    def plane(self, index: int) -> Values:
        """Slice `index`, (rows, columns)."""
        if not self._held[index]:
            return np.zeros(self.shape[1:], dtype=np.uint8)
        return self._slab(index)[index]

    def array(self) -> Values:
        """All of it, (i, j, k), each slice contiguous."""
        whole = np.zeros(self.shape, dtype=np.uint8)
        for index in range(self.shape[0]):
            if self._held[index]:
                whole[index] = self.plane(index)
        return whole.transpose(2, 1, 0)

    def _slab(self, index: int) -> _Slab:
        """The slices around `index`, unpacked; the last ones are kept, for they are asked for one after the other, and
        all of a small labelmap, for each of them is asked for several times."""
        span = self._span(index)
        slab = self._unpacked.get(span)
        if slab is None:
            slab = np.zeros((span[1] - span[0], *self.shape[1:]), dtype=np.uint8)
            for tile in self._tiles[span]:
                i, j, _ = tile.start
                columns, rows, _ = tile.shape
                slab[:, j : j + rows, i : i + columns] = tile.values()
            before = self._unpacked if prod(self.size) <= _KEPT_BYTES else {}
            self._unpacked = {**before, span: slab}
        return _Slab(span, slab)

    def _span(self, index: int) -> tuple[int, int]:
        """First and last of the slices that are packed together with `index`."""
        return next(span for span in self._tiles if span[0] <= index < span[1])


@dataclass(frozen=True)
class _Slab:
    """Unpacked slices by their number in the volume."""

    span: tuple[int, int]
    slices: Values

    def __getitem__(self, index: int) -> Values:
        return self.slices[index - self.span[0]]
