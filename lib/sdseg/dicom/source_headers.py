"""The header of a series as a SEG can take it over: one bad optional attribute must not cost the result."""

from collections.abc import Iterable
from copy import copy

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import UID, EnhancedMRImageStorage
from pydicom.valuerep import format_number_as_ds

from sdseg.dicom.header import numbers, text
from sdseg.dicom.plane import holder_of
from sdseg.dicom.series import Series
from sdseg.dicom.source_patient import patient_and_study

SHARED = ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "Modality", "Rows", "Columns")
TYPE_2 = (
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "AccessionNumber",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
)
"""May be empty but not absent in Patient and General Study (PS3.3 C.7.1.1, C.7.2.1)."""
SIMPLE_CHARACTER_SETS = ("", "ISO_IR 100", "ISO_IR 101", "ISO_IR 144", "ISO_IR 192", "GB18030")
STAND_IN_UID = UID("2.25.1")


def source_image(series: Series) -> Dataset:
    """A multi-frame header without pixels that stands in for the series: its frame i + 1 is slice i.

    It carries what can be written of patient and study. The orientation is the one of the geometry gate, the slice
    spacing the true one. `seg_sources.name_sources` has to replace it in what is made of it, because highdicom knows
    series of single-frame images or one multi-frame image alone, and asks of each image anew which of them it is.
    """
    header = Dataset()
    for keyword in SHARED:
        if keyword in series.datasets[0]:
            header.add(copy(series.datasets[0][keyword]))  # of its own: what is made of it shares its elements
    header.update({**patient_and_study(series.datasets[0]), **header})
    for keyword in TYPE_2:
        if keyword not in header:
            setattr(header, keyword, "")
    header.PatientName = ""  # highdicom prints names that it finds odd: `build_seg` adds the true one
    header.SOPClassUID, header.SOPInstanceUID = EnhancedMRImageStorage, STAND_IN_UID
    header.NumberOfFrames = len(series.frames)
    if series.is_volume:
        tell_place(header, series)
    else:
        make_up_place(header)
    return header


def tell_place(header: Dataset, series: Series) -> None:
    """The functional groups of Pixel Measures, Plane Orientation and Plane Position (PS3.3 C.7.6.16.2)."""
    grid = series.grid
    thickness = numbers(holder_of(series.frames[0])("PixelMeasuresSequence"), "SliceThickness", 1)
    if thickness is None or thickness[0] <= 0:
        thickness = np.array([grid.slice_spacing])
    put_place(header, grid.image_orientation, [*grid.pixel_spacing, thickness[0], grid.slice_spacing], grid.positions)


def make_up_place(header: Dataset) -> None:
    """One picture a millimetre behind the other, until `name_sources` takes it away."""
    header.FrameOfReferenceUID = STAND_IN_UID
    behind = np.arange(header.NumberOfFrames)
    positions = np.stack([np.zeros_like(behind), np.zeros_like(behind), behind], axis=1)
    put_place(header, [1, 0, 0, 0, 1, 0], [1, 1, 1, 1], positions)


def put_place(header: Dataset, orientation: Iterable[float], measures: Iterable[float], positions: NDArray) -> None:
    """Args: measures: between rows, between columns, slice thickness, between slices; positions: (slices, 3) mm."""
    plane, pixels, shared = Dataset(), Dataset(), Dataset()
    plane.ImageOrientationPatient = decimals(orientation)
    between_rows, between_columns, pixels.SliceThickness, pixels.SpacingBetweenSlices = decimals(measures)
    pixels.PixelSpacing = [between_rows, between_columns]
    shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = [plane], [pixels]
    header.SharedFunctionalGroupsSequence = [shared]
    header.PerFrameFunctionalGroupsSequence = [frame_at(position) for position in positions]


def frame_at(position: Iterable[float]) -> Dataset:
    """The Per-Frame Functional Groups item of a frame whose first pixel lies there, LPS mm."""
    place, frame = Dataset(), Dataset()
    place.ImagePositionPatient = decimals(position)
    frame.PlanePositionSequence = [place]
    return frame


def decimals(values: Iterable[float]) -> list[str]:
    """Numbers as decimal strings of 16 characters at most (VR DS)."""
    return [format_number_as_ds(float(value)) for value in values]


def seg_character_set(dataset: Dataset, added_text: str) -> str | None:
    """Specific Character Set for a SEG: that of the source where it is a simple one and enough, else UTF-8."""
    found = text(dataset, "SpecificCharacterSet")
    if not added_text.isascii() or found not in SIMPLE_CHARACTER_SETS:
        return "ISO_IR 192"
    return found or None
