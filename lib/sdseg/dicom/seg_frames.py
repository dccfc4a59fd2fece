"""The frames of a DICOM SEG with their place and their sources (PS3.3 A.51, A.51.5 functional groups)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from sdseg.dicom.header import integer, numbers, text, value
from sdseg.dicom.seg_pixels import frame_pixels
from sdseg.errors import LabelError

LARGEST_FRAME = 2**24
"""Pixels of a frame where nothing better is known."""
HIGHEST_SEGMENT = 2**16 - 1  # VR US


@dataclass(frozen=True, eq=False)
class FramePlace:
    """`orientation` (6,), `position` (3,) LPS mm and `pixel_spacing` (2,) (between rows, between columns)."""

    orientation: NDArray[np.float64]
    position: NDArray[np.float64]
    pixel_spacing: NDArray[np.float64]

    @property
    def affine(self) -> NDArray[np.float64]:
        """3x3 matrix from (column, row, 1) to LPS mm."""
        along_row, along_column = self.orientation[:3], self.orientation[3:]
        columns = (along_row * self.pixel_spacing[1], along_column * self.pixel_spacing[0], self.position)
        return np.stack(columns, axis=1)


@dataclass(frozen=True, eq=False)
class SegFrame:
    """One frame. `pixels` (rows, columns): 0/1 or fractions of `segment`; segment numbers where it is None (LABELMAP).

    `place` is None for pictures outside of any patient space. `sources`: the images it was derived from, as
    (SOPInstanceUID, 1-based frame number or None).
    """

    number: int
    pixels: NDArray[np.unsignedinteger]
    segment: int | None
    place: FramePlace | None
    sources: tuple[tuple[str, int | None], ...]


def frames_of(seg: Dataset, largest: int = LARGEST_FRAME) -> Iterator[SegFrame]:
    """All frames, decoded one by one; LabelError where one has half a place, no segment, or over `largest` pixels."""
    shared = SharedGroups(first_item(seg, "SharedFunctionalGroupsSequence"))
    groups = items_of(seg, "PerFrameFunctionalGroupsSequence")
    labelmap = text(seg, "SegmentationType") == "LABELMAP"
    for index, pixels in enumerate(frame_pixels(seg, len(groups), largest)):
        yield frame_of(index + 1, pixels, groups[index], shared, labelmap)


class SharedGroups:
    """The functional groups that all frames share; each is looked up, and its numbers are read, once."""

    def __init__(self, item: Dataset) -> None:
        self._item = item
        self._groups: dict[str, Dataset] = {}
        self._numbers: dict[tuple[str, str], NDArray[np.float64] | None] = {}

    def of(self, item: Dataset, name: str) -> Dataset:
        """The group of a frame, whose own is `item`, or the shared one."""
        if name in item:
            return first_item(item, name)
        if name not in self._groups:
            self._groups[name] = first_item(self._item, name)
        return self._groups[name]

    def numbers(self, item: Dataset, name: str, keyword: str, count: int) -> NDArray[np.float64] | None:
        """`count` numbers of the same group; see `header.numbers`."""
        if name in item:
            return numbers(first_item(item, name), keyword, count)
        if (name, keyword) not in self._numbers:
            self._numbers[name, keyword] = numbers(self.of(item, name), keyword, count)
        return self._numbers[name, keyword]


def frame_of(number: int, pixels: NDArray, item: Dataset, shared: SharedGroups, labelmap: bool) -> SegFrame:
    """One frame, its functional groups taken per frame or, failing that, shared."""
    identification, derivation = "SegmentIdentificationSequence", "DerivationImageSequence"
    segment = None if labelmap else integer(shared.of(item, identification), "ReferencedSegmentNumber")
    if not labelmap and (segment is None or not 1 <= segment <= HIGHEST_SEGMENT):
        raise LabelError(f"Frame {number} of the SEG does not say its segment: export it again.")
    return SegFrame(number, pixels, segment, place_of(number, item, shared), sources_of(shared.of(item, derivation)))


def place_of(number: int, item: Dataset, shared: SharedGroups) -> FramePlace | None:
    """The place of a frame, None where its functional groups say nothing of one; LabelError where they say half."""
    orientation = shared.numbers(item, "PlaneOrientationSequence", "ImageOrientationPatient", 6)
    position = shared.numbers(item, "PlanePositionSequence", "ImagePositionPatient", 3)
    spacing = shared.numbers(item, "PixelMeasuresSequence", "PixelSpacing", 2)
    if orientation is None and position is None:
        return None
    if orientation is None or position is None or spacing is None:
        raise LabelError(f"Frame {number} of the SEG lacks its position, orientation or spacing: export it again.")
    return FramePlace(orientation, position, spacing)


def sources_of(derivation: Dataset) -> tuple[tuple[str, int | None], ...]:
    """SOPInstanceUID and frame number of each Source Image Sequence item of a Derivation Image item."""
    return tuple(
        (text(item, "ReferencedSOPInstanceUID"), integer(item, "ReferencedFrameNumber"))
        for item in items_of(derivation, "SourceImageSequence")
    )


def items_of(dataset: Dataset, keyword: str) -> Sequence[Dataset]:
    """The items of a sequence; none where it is absent or cannot be read."""
    found = value(dataset, keyword)
    return found if isinstance(found, pydicom.Sequence) else []


def first_item(dataset: Dataset, keyword: str) -> Dataset:
    """First item of a sequence, an empty dataset where there is none."""
    items = items_of(dataset, keyword)
    return items[0] if items else Dataset()
