"""The plane of one image in patient space, read from its header (PS3.3 C.7.6.2 Image Plane)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    CTImageStorage,
    MRImageStorage,
    PositronEmissionTomographyImageStorage,
)

from sdseg.dicom.header import integer, label, numbers, text
from sdseg.errors import GeometryError

# One instance is one slice in these. Other kinds (enhanced multi-frame, photographs) get their own `*_plane`.
SINGLE_FRAME_KINDS = frozenset({CTImageStorage, MRImageStorage, PositronEmissionTomographyImageStorage})
REQUIRED = {
    "ImageOrientationPatient": 6,
    "ImagePositionPatient": 3,
    "PixelSpacing": 2,
}
SAME_IN_A_SERIES = ("SeriesInstanceUID", "StudyInstanceUID", "FrameOfReferenceUID", "Modality", "PatientID")


@dataclass(frozen=True, eq=False)
class Plane:
    """One slice: where it lies (LPS mm) and what it belongs to.

    `orientation` (6,): cosines along a row, then along a column. `position` (3,): of the first pixel, mm.
    `pixel_spacing` (2,): between rows, between columns, mm. `label` names it in messages.
    """

    label: str
    orientation: NDArray[np.float64]
    position: NDArray[np.float64]
    pixel_spacing: NDArray[np.float64]
    rows: int
    columns: int
    identity: tuple[str, ...]

    @property
    def frame_of_reference_uid(self) -> str:
        return self.identity[SAME_IN_A_SERIES.index("FrameOfReferenceUID")]


def plane_of(dataset: Dataset) -> Plane:
    """The plane of a single-frame CT, MR or PET image, or GeometryError with culprit and remedy."""
    refuse_other_kinds(dataset)
    name = label(dataset)
    found = {keyword: numbers(dataset, keyword, count) for keyword, count in REQUIRED.items()}
    rows, columns = integer(dataset, "Rows"), integer(dataset, "Columns")
    missing = [keyword for keyword, values in found.items() if values is None]
    if not text(dataset, "FrameOfReferenceUID"):
        missing.append("FrameOfReferenceUID")
    orientation, position, spacing = found.values()
    if orientation is None or position is None or spacing is None or missing or not rows or not columns:
        raise GeometryError(
            f"{name} has no usable {', '.join(missing) or 'Rows and Columns'}: "
            "export the original series from the scanner or archive, without derived images."
        )
    if (spacing <= 0).any():
        raise GeometryError(f"{name} has a PixelSpacing of {spacing.tolist()} mm: it must be positive.")
    identity = tuple(text(dataset, keyword) for keyword in SAME_IN_A_SERIES)
    return Plane(name, orientation, position, spacing, rows, columns, identity)


def refuse_other_kinds(dataset: Dataset) -> None:
    """GeometryError for anything that is not a single-frame, single-channel CT, MR or PET slice."""
    name, kind = label(dataset), UID(text(dataset, "SOPClassUID"))
    if kind not in SINGLE_FRAME_KINDS:
        raise GeometryError(
            f"{name} is of the kind {kind.name or 'unknown'}, which cannot be segmented yet: "
            "choose a series of single-frame CT, MR or PET images."
        )
    if (integer(dataset, "NumberOfFrames") or 1) > 1 or (integer(dataset, "SamplesPerPixel") or 1) > 1:
        raise GeometryError(
            f"{name} holds several frames or colour, which {kind.name} does not allow: "
            "choose a series of single-frame grey-scale images."
        )
    if "LOCALIZER" in text(dataset, "ImageType").upper().split("\\"):
        raise GeometryError(f"{name} is a localizer: leave localizers out, or choose another series.")
