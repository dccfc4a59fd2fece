"""The plane of one slice in patient space, read from its header (PS3.3 C.7.6.2, C.7.6.16.2)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from sdseg.dicom.groups import group
from sdseg.dicom.header import integer, numbers, text, uid
from sdseg.dicom.marks import marks_of
from sdseg.dicom.named import blame
from sdseg.dicom.source_frame import SourceFrame

# Attribute, how many numbers it holds, and the functional group that holds it in a multi-frame instance.
REQUIRED = (
    ("ImageOrientationPatient", 6, "PlaneOrientationSequence"),
    ("ImagePositionPatient", 3, "PlanePositionSequence"),
    ("PixelSpacing", 2, "PixelMeasuresSequence"),
)
SAME_IN_A_SERIES = ("SeriesInstanceUID", "StudyInstanceUID", "FrameOfReferenceUID", "Modality", "PatientID")
FARTHEST_MM = 1e6
"""No patient is larger: a kilometre is a damaged header."""


@dataclass(frozen=True, eq=False)
class Plane:
    """One slice: where it lies (LPS mm) and what it belongs to.

    `orientation` (6,): cosines along a row, then along a column. `position` (3,): of the first pixel, mm.
    `pixel_spacing` (2,): between rows, between columns, mm. `marks`: what tells volumes at one place apart.
    """

    source: SourceFrame
    orientation: NDArray[np.float64]
    position: NDArray[np.float64]
    pixel_spacing: NDArray[np.float64]
    rows: int
    columns: int
    identity: tuple[str, ...]
    marks: Mapping[str, str] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """How messages call it."""
        return self.source.label

    @property
    def sop_instance_uid(self) -> str:
        return self.source.sop_instance_uid

    @property
    def frame_of_reference_uid(self) -> str:
        return self.identity[SAME_IN_A_SERIES.index("FrameOfReferenceUID")]


def plane_of(frame: SourceFrame) -> Plane:
    """The plane of a CT, MR or PET slice or frame, or GeometryError with culprit and remedy."""
    dataset, holder = frame.dataset, holder_of(frame)
    found = {keyword: numbers(holder(name), keyword, count) for keyword, count, name in REQUIRED}
    rows, columns = integer(dataset, "Rows"), integer(dataset, "Columns")
    missing = [keyword for keyword, values in found.items() if values is None]
    if not uid(dataset, "FrameOfReferenceUID"):
        missing.append("FrameOfReferenceUID")
    orientation, position, spacing = found.values()
    if orientation is None or position is None or spacing is None or missing or not rows or not columns:
        raise blame(
            f"{frame.label} has no usable {', '.join(missing) or 'Rows and Columns'}: "
            "export the original series from the scanner or archive, without derived images.",
            frame,
        )
    if (spacing <= 0).any():
        raise blame(f"{frame.label} has a PixelSpacing of {spacing.tolist()} mm: it must be positive.", frame)
    if max(np.abs(position).max(), spacing[0] * rows, spacing[1] * columns) > FARTHEST_MM:
        raise blame(f"{frame.label} lies or reaches over a kilometre away: export the series again.", frame)
    identity = tuple(text(dataset, keyword) for keyword in SAME_IN_A_SERIES)
    return Plane(frame, orientation, position, spacing, rows, columns, identity, marks_of(frame))


def position_of(frame: SourceFrame) -> NDArray[np.float64] | None:
    """(3,) LPS mm of the first pixel, as its header says; None where it says nothing usable."""
    (keyword, count, name) = REQUIRED[1]
    return numbers(holder_of(frame)(name), keyword, count)


def holder_of(frame: SourceFrame) -> Callable[[str], Dataset]:
    """From the name of a functional group to the dataset with its attributes."""
    return (lambda name: frame.dataset) if frame.number is None else (lambda name: group(frame, name))
