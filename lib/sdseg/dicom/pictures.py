"""Pictures: images of one size that each stand alone, without a place in the patient (photographs, CR, DX)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from sdseg.dicom.header import integer, text
from sdseg.dicom.named import blame
from sdseg.dicom.source_frame import SourceFrame
from sdseg.dicom.uniformity import refuse_odd_ones

SAME_IN_PICTURES = ("SeriesInstanceUID", "StudyInstanceUID", "Modality", "PatientID")
GREY = ("MONOCHROME1", "MONOCHROME2")
COLOUR_BITS = 8


@dataclass(frozen=True, eq=False)
class PictureGeometry:
    """Pictures of one size one behind the other; there are no positions, and the affine is that of the indices.

    `order`: for each slice, the index of its picture among those given. `channels`: 1 grey, 3 RGB.
    `corrections`: what was evened out, as sentences.
    """

    order: tuple[int, ...]
    rows: int
    columns: int
    channels: int = 1
    corrections: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.order or min(self.rows, self.columns) < 1 or self.channels not in (1, 3):
            raise ValueError(f"{len(self.order)} pictures of {self.rows} x {self.columns} x {self.channels}")

    @property
    def shape(self) -> tuple[int, int, int]:
        """(slices, rows, columns)."""
        return len(self.order), self.rows, self.columns

    @property
    def affine(self) -> NDArray[np.float64]:
        """4x4 identity from index (column, row, slice): as a PNG of the picture has it."""
        return np.eye(4)


def check_pictures(frames: Sequence[SourceFrame]) -> PictureGeometry:
    """Pictures of one series, size and number of channels by InstanceNumber; GeometryError names the odd ones."""
    for keyword in SAME_IN_PICTURES:
        refuse_odd_ones(frames, lambda frame, keyword=keyword: text(frame.dataset, keyword), keyword)  # type: ignore[misc]
    refuse_odd_ones(frames, lambda frame: size_of(frame), "Rows and Columns", show=True)
    refuse_odd_ones(frames, lambda frame: channels_of(frame.dataset), "the number of colour channels", show=True)
    order = sorted(range(len(frames)), key=lambda index: place_of(frames[index]))
    rows, columns = size_of(frames[0])
    return PictureGeometry(tuple(order), rows, columns, channels_of(frames[0].dataset))


def size_of(frame: SourceFrame) -> tuple[int, int]:
    """(rows, columns); GeometryError where the header does not tell."""
    rows, columns = integer(frame.dataset, "Rows"), integer(frame.dataset, "Columns")
    if not rows or not columns:
        raise blame(f"{frame.label} has no usable Rows and Columns: export the picture again.", frame)
    return rows, columns


def channels_of(dataset: Dataset) -> int:
    """1 grey, 3 colour; a palette is colour."""
    return 1 if text(dataset, "PhotometricInterpretation") in ("", *GREY) else 3


def place_of(frame: SourceFrame) -> tuple[float, str, int]:
    """Sorts pictures: by InstanceNumber, those without one last, then by SOPInstanceUID and frame."""
    number = integer(frame.dataset, "InstanceNumber")
    return float("inf") if number is None else number, frame.sop_instance_uid, frame.number or 0
