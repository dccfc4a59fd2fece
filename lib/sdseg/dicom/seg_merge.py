"""What a voxel gets that several frames of a SEG speak of: one rule for each segmentation type (PS3.3 C.8.20.2)."""

from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from sdseg.dicom.header import integer, text
from sdseg.dicom.seg_frames import SegFrame
from sdseg.dicom.seg_place import Indices
from sdseg.errors import InputError, LabelError


class Merger(Protocol):
    """Collects frames in `labelmap`, uint16 (slices, rows, columns) of segment numbers."""

    labelmap: NDArray[np.uint16]

    def add(self, frame: SegFrame, at: Indices) -> None:
        """`at`: (slice, row, column) of each pixel of the frame that is not 0, in the order of `np.nonzero`."""


def merger_for(seg: Dataset, shape: tuple[int, int, int], overlap: str, fraction: float) -> Merger:
    """The rule for this SEG; InputError where an option is none, LabelError where the SEG has no fractional scale."""
    if overlap not in ("refuse", "last"):
        raise InputError(f'overlap="{overlap}" is none of refuse, last.')
    if not 0 < fraction <= 1:
        raise InputError(f"fraction={fraction} must be above 0 and at most 1.")
    if text(seg, "SegmentationType") != "FRACTIONAL":
        return Exclusive(shape, "last" if overlap == "last" else "refuse")
    largest = integer(seg, "MaximumFractionalValue")
    if largest is None or not 1 <= largest <= np.iinfo(np.uint8).max or integer(seg, "BitsAllocated") != 8:
        raise LabelError("The fractional SEG does not say its MaximumFractionalValue, or has no 8 bits: export again.")
    return Fractional(shape, fraction * largest)


class Exclusive:
    """BINARY and LABELMAP: a voxel belongs to one segment; to the highest one where `overlap` is "last"."""

    def __init__(self, shape: tuple[int, int, int], overlap: Literal["refuse", "last"]) -> None:
        self.labelmap = np.zeros(shape, dtype=np.uint16)
        self.overlap = overlap

    def add(self, frame: SegFrame, at: Indices) -> None:
        """LabelError where segments overlap and that is refused."""
        stored = frame.pixels[np.nonzero(frame.pixels)].astype(np.uint16)
        values = stored if frame.segment is None else np.full_like(stored, frame.segment)
        before = self.labelmap[at]
        clash = (before != 0) & (before != values)
        if self.overlap == "refuse" and clash.any():
            raise LabelError(
                f"Segments {before[clash][0]} and {values[clash][0]} of the SEG overlap: give each voxel one label."
            )
        self.labelmap[at] = np.maximum(before, values)


class Fractional:
    """FRACTIONAL: the segment with the larger fraction, if that reaches `threshold`; of equal ones the lower number."""

    def __init__(self, shape: tuple[int, int, int], threshold: float) -> None:
        self.labelmap = np.zeros(shape, dtype=np.uint16)
        self.largest = np.zeros(shape, dtype=np.uint8)
        self.threshold = threshold

    def add(self, frame: SegFrame, at: Indices) -> None:
        stored = frame.pixels[np.nonzero(frame.pixels)]
        segment = frame.segment or 0
        larger = stored > self.largest[at]
        equal = (stored == self.largest[at]) & (segment < self.labelmap[at])
        wins = (stored >= self.threshold) & (larger | equal)
        chosen = (at[0][wins], at[1][wins], at[2][wins])
        self.labelmap[chosen], self.largest[chosen] = segment, stored[wins]
