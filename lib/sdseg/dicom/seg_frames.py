"""The frames of a DICOM SEG with their place and their sources (PS3.3 A.51, A.51.5 functional groups)."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from sdseg.dicom.header import VALUE_ERRORS, integer, numbers, text, value
from sdseg.errors import LabelError


@dataclass(frozen=True, eq=False)
class SegFrame:
    """One frame. `pixels` (rows, columns): 0/1 of `segment`, or segment numbers where `segment` is None (LABELMAP).

    `orientation` (6,), `position` (3,) LPS mm and `pixel_spacing` (2,) (between rows, between columns) as in a plane;
    `sources`: SOPInstanceUIDs of the images it was derived from.
    """

    number: int
    pixels: NDArray[np.unsignedinteger]
    segment: int | None
    orientation: NDArray[np.float64]
    position: NDArray[np.float64]
    pixel_spacing: NDArray[np.float64]
    sources: tuple[str, ...]

    @property
    def affine(self) -> NDArray[np.float64]:
        """3x3 matrix from (column, row, 1) to LPS mm."""
        along_row, along_column = self.orientation[:3], self.orientation[3:]
        columns = (along_row * self.pixel_spacing[1], along_column * self.pixel_spacing[0], self.position)
        return np.stack(columns, axis=1)


def frames_of(seg: Dataset) -> Iterator[SegFrame]:
    """All frames of a BINARY or LABELMAP segmentation; LabelError where one lacks its place."""
    shared = first_item(seg, "SharedFunctionalGroupsSequence")
    groups = value(seg, "PerFrameFunctionalGroupsSequence")
    items = list(groups) if groups is not None else []  # type: ignore[call-overload]
    pixels = decode(seg)
    if len(items) != len(pixels):
        raise LabelError(f"The SEG has {len(pixels)} frames but describes {len(items)}: export it again.")
    binary = text(seg, "SegmentationType") == "BINARY"
    for index, item in enumerate(items):
        yield frame_of(index + 1, pixels[index], item, shared, binary)


def frame_of(number: int, pixels: NDArray, item: Dataset, shared: Dataset, binary: bool) -> SegFrame:
    """One frame, its functional groups taken per frame or, failing that, shared."""

    def group(keyword: str) -> Dataset:
        return first_item(item, keyword) if keyword in item else first_item(shared, keyword)

    segment = integer(group("SegmentIdentificationSequence"), "ReferencedSegmentNumber")
    orientation = numbers(group("PlaneOrientationSequence"), "ImageOrientationPatient", 6)
    position = numbers(group("PlanePositionSequence"), "ImagePositionPatient", 3)
    spacing = numbers(group("PixelMeasuresSequence"), "PixelSpacing", 2)
    if orientation is None or position is None or spacing is None or (binary and segment is None):
        raise LabelError(f"Frame {number} of the SEG lacks its position, orientation or segment: export it again.")
    sources = source_uids(group("DerivationImageSequence"))
    return SegFrame(number, pixels, segment if binary else None, orientation, position, spacing, sources)


def source_uids(derivation: Dataset) -> tuple[str, ...]:
    """SOPInstanceUIDs in the Source Image Sequence of a Derivation Image item."""
    sources = derivation.get("SourceImageSequence") or []
    return tuple(text(source, "ReferencedSOPInstanceUID") for source in sources)


def first_item(dataset: Dataset, keyword: str) -> Dataset:
    """First item of a sequence, an empty dataset where there is none."""
    sequence = value(dataset, keyword)
    items = list(sequence) if sequence is not None else []  # type: ignore[call-overload]
    return items[0] if items else Dataset()


def decode(seg: Dataset) -> NDArray[np.unsignedinteger]:
    """All frames (frames, rows, columns)."""
    try:
        pixels = seg.pixel_array
    except (*VALUE_ERRORS, RuntimeError, IndexError):
        raise LabelError("The pixels of the SEG are missing, truncated or cannot be decompressed.") from None
    return np.asarray(pixels if pixels.ndim == 3 else pixels[None])
