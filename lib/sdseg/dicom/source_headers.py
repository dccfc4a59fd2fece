"""Headers of a series as a SEG can take them over: one bad optional attribute must not cost the result."""

from collections.abc import Iterable
from copy import copy

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import UID, MRImageStorage
from pydicom.valuerep import format_number_as_ds

from sdseg.dicom.geometry import SeriesGeometry
from sdseg.dicom.header import numbers, text
from sdseg.dicom.plane import holder_of
from sdseg.dicom.series import Series
from sdseg.dicom.source_frame import SourceFrame
from sdseg.dicom.source_patient import patient_and_study

SHARED = ("SOPClassUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "Modality", "Rows", "Columns")
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


def source_headers(series: Series) -> list[Dataset]:
    """One single-frame header without pixels per slice; the first carries what can be written of patient and study.

    The orientation is the one of the geometry gate, the slice spacing the true one. Frames of multi-frame instances
    and pictures get a stand-in, which `seg_sources.name_sources` has to replace in what is made of the headers.
    """
    alike = place_of_all(series.grid) if series.is_volume else Dataset()
    headers = [slice_header(series, index, alike) for index in range(len(series.frames))]
    headers[0].update({**patient_and_study(series.datasets[0]), **headers[0]})
    for keyword in TYPE_2:
        if keyword not in headers[0]:
            setattr(headers[0], keyword, "")
    headers[0].PatientName = ""  # highdicom prints names that it finds odd: `build_seg` adds the true one
    return headers


def stands_in(series: Series) -> bool:
    """Whether the headers are stand-ins: highdicom takes only single-frame images that have a place in a patient."""
    return not series.is_volume or any(frame.number is not None for frame in series.frames)


def stand_in_uid(index: int) -> UID:
    """SOPInstanceUID of the stand-in for a slice."""
    return UID(f"2.25.{index + 1}")


def slice_header(series: Series, index: int, alike: Dataset) -> Dataset:
    """Identity and place of one slice; `alike` is what all have of the place."""
    frame, header = series.frames[index], Dataset()
    for keyword in SHARED:
        if keyword in frame.dataset:
            header.add(copy(frame.dataset[keyword]))  # of its own: what is made of headers shares their elements
    header.SOPInstanceUID = UID(frame.sop_instance_uid)
    if stands_in(series):
        header.SOPClassUID, header.SOPInstanceUID = MRImageStorage, stand_in_uid(index)
    if series.is_volume:
        header.update(alike)
        header.update(place_in_patient(series.grid, frame, index))
    else:
        header.update(made_up_place(index))
    return header


def place_in_patient(grid: SeriesGeometry, frame: SourceFrame, index: int) -> Dataset:
    """Image Plane attributes (PS3.3 C.7.6.2) of one slice, but for those of `place_of_all`."""
    place = Dataset()
    place.ImagePositionPatient = decimals(grid.positions[index])
    thickness = numbers(holder_of(frame)("PixelMeasuresSequence"), "SliceThickness", 1)
    if thickness is None or thickness[0] <= 0:
        thickness = np.array([grid.slice_spacing])
    (place.SliceThickness,) = decimals(thickness[:1])
    return place


def place_of_all(grid: SeriesGeometry) -> Dataset:
    """Those of the Image Plane attributes that every slice has."""
    place = Dataset()
    place.ImageOrientationPatient = decimals(grid.image_orientation)
    place.PixelSpacing = decimals(grid.pixel_spacing)
    (place.SpacingBetweenSlices,) = decimals([grid.slice_spacing])
    return place


def made_up_place(index: int) -> Dataset:
    """One picture a millimetre behind the other, until `name_sources` takes it away."""
    place = Dataset()
    place.FrameOfReferenceUID = UID("2.25.1")
    place.ImagePositionPatient = [0, 0, index]
    place.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    place.PixelSpacing, place.SliceThickness, place.SpacingBetweenSlices = [1, 1], 1, 1
    return place


def decimals(values: Iterable[float]) -> list[str]:
    """Numbers as decimal strings of 16 characters at most (VR DS)."""
    return [format_number_as_ds(float(value)) for value in values]


def seg_character_set(dataset: Dataset, added_text: str) -> str | None:
    """Specific Character Set for a SEG: that of the source where it is a simple one and enough, else UTF-8."""
    found = text(dataset, "SpecificCharacterSet")
    if not added_text.isascii() or found not in SIMPLE_CHARACTER_SETS:
        return "ISO_IR 192"
    return found or None
