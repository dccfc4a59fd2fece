"""A mask as slices that are asked for one by one: what writes a SEG never holds more of it than one."""

from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.uint8]


class MaskPlanes(Protocol):
    """A labelmap on the grid of a series: `shape` (slices, rows, columns), 0 is background."""

    @property
    def shape(self) -> tuple[int, int, int]: ...

    def plane(self, index: int) -> Plane:
        """Slice `index`, uint8 (rows, columns)."""

    def values_in(self, index: int) -> tuple[int, ...]:
        """The values in slice `index` that are not 0, rising."""


class ArrayPlanes:
    """An array (slices, rows, columns) of whole numbers from 0 to 255 as planes."""

    def __init__(self, labelmap: NDArray[np.uint8]) -> None:
        self.labelmap = labelmap
        self._values = [values_of(plane) for plane in labelmap]

    @property
    def shape(self) -> tuple[int, int, int]:
        slices, rows, columns = self.labelmap.shape
        return slices, rows, columns

    def plane(self, index: int) -> Plane:
        return self.labelmap[index]

    def values_in(self, index: int) -> tuple[int, ...]:
        return self._values[index]


class RenumberedPlanes:
    """`planes` with other values: `table` (256,) uint8 holds the new value of each; 0 stays 0, no two become one."""

    def __init__(self, planes: MaskPlanes, table: NDArray[np.uint8]) -> None:
        self._planes, self._table = planes, table
        self._same = bool((table[table > 0] == np.flatnonzero(table)).all())

    @property
    def shape(self) -> tuple[int, int, int]:
        return self._planes.shape

    def plane(self, index: int) -> Plane:
        plane = self._planes.plane(index)
        return plane if self._same else self._table[plane]

    def values_in(self, index: int) -> tuple[int, ...]:
        return tuple(sorted(int(self._table[value]) for value in self._planes.values_in(index)))


def values_of(plane: Plane) -> tuple[int, ...]:
    """The values of an uint8 array that are not 0, rising."""
    if not plane.any():
        return ()
    found = np.bincount(plane.ravel(), minlength=256)[1:]
    return tuple((np.flatnonzero(found) + 1).tolist())


def planes_of(planes: MaskPlanes) -> Iterator[Plane]:
    """All slices in their order."""
    for index in range(planes.shape[0]):
        yield planes.plane(index)
