"""Parts of slices that a model can segment by themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

SegmentParts = Callable[[torch.Tensor, Sequence[tuple[int, int]], int], torch.Tensor]
"""(batch, 3, rows, columns) in [-1, 1], the first row and column of each within its slice, and the seed -> probability
as of a `SliceModel`, (batch, 1 or classes, rows, columns)."""


@dataclass(frozen=True)
class Parts:
    """How a model segments parts of slices.

    Attributes:
        side: of a part, in pixels, its rows and columns are multiples of this.
        corner: its first row and column are multiples of this, so that the networks' coarser grids lie as in a slice;
            divides the rows of a slice, and `side`.
        segment: does it.
    """

    side: int
    corner: int
    segment: SegmentParts

    def cover(self, start: int, stop: int, size: int) -> tuple[int, int]:
        """First and length of a part that holds start..stop (exclusive) of `size` rows, or columns, and lies within;
        0 and `size` where none is smaller."""
        first = start - start % self.corner
        length = -(-(stop - first) // self.side) * self.side
        if length >= size:
            return 0, size
        spare = (length - (stop - first)) // 2  # what rounding added goes to both sides
        return max(0, min(first - (spare - spare % self.corner), size - length)), length
