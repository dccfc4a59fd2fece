"""Headers of a series as a SEG can take them over: one bad optional attribute must not cost the result."""

import logging
from collections.abc import Iterable
from copy import deepcopy

import numpy as np
from pydicom.charset import convert_encodings
from pydicom.config import RAISE
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag, Tag
from pydicom.uid import UID, MRImageStorage
from pydicom.valuerep import format_number_as_ds, validate_value

from sdseg.dicom.geometry import SeriesGeometry
from sdseg.dicom.header import VALUE_ERRORS, numbers, text
from sdseg.dicom.plane import holder_of
from sdseg.dicom.series import Series
from sdseg.dicom.source_frame import SourceFrame

log = logging.getLogger(__name__)
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
IDENTITY = ("PatientID", "PatientName", "IssuerOfPatientID", "StudyInstanceUID", "StudyID", "AccessionNumber")
"""Kept even where they break a rule of their VR: an archive must find the SEG beside its images."""
SEXES = ("M", "F", "O", "")
COPIED_GROUPS = (0x0008, 0x0010, 0x0012, 0x0018, 0x0020, 0x0032, 0x0038)
PATIENT_NAME = Tag(0x0010, 0x0010)
LOSSY_COMPRESSION = (0x00282110, 0x00282112, 0x00282114)  # whether, ratio, method: stays with what is derived
SIMPLE_CHARACTER_SETS = ("", "ISO_IR 100", "ISO_IR 101", "ISO_IR 144", "ISO_IR 192", "GB18030")
ENCODING_ERRORS = (*VALUE_ERRORS, LookupError)


def source_headers(series: Series) -> list[Dataset]:
    """One single-frame header without pixels per slice; the first carries what can be written of patient and study.

    The orientation is the one of the geometry gate, the slice spacing the true one. Frames of multi-frame instances
    and pictures get a stand-in, which `seg_sources.name_sources` has to replace in what is made of the headers.
    """
    headers = [slice_header(series, index) for index in range(len(series.frames))]
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


def slice_header(series: Series, index: int) -> Dataset:
    """Identity and place of one slice."""
    frame, header = series.frames[index], Dataset()
    for keyword in SHARED:
        if keyword in frame.dataset:
            header.add(deepcopy(frame.dataset[keyword]))
    header.SOPInstanceUID = UID(frame.sop_instance_uid)
    if stands_in(series):
        header.SOPClassUID, header.SOPInstanceUID = MRImageStorage, stand_in_uid(index)
    if series.is_volume:
        header.update(place_in_patient(series.grid, frame, index))
    else:
        header.update(made_up_place(index))
    return header


def place_in_patient(grid: SeriesGeometry, frame: SourceFrame, index: int) -> Dataset:
    """Image Plane attributes (PS3.3 C.7.6.2) of one slice."""
    place = Dataset()
    place.ImagePositionPatient = decimals(grid.positions[index])
    place.ImageOrientationPatient = decimals(grid.image_orientation)
    place.PixelSpacing = decimals(grid.pixel_spacing)
    thickness = numbers(holder_of(frame)("PixelMeasuresSequence"), "SliceThickness", 1)
    if thickness is None or thickness[0] <= 0:
        thickness = np.array([grid.slice_spacing])
    place.SliceThickness, place.SpacingBetweenSlices = decimals([thickness[0], grid.slice_spacing])
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


def patient_and_study(dataset: Dataset) -> Dataset:
    """Attributes of patient, study and equipment that can be written again; PatientName is left out."""
    header = Dataset()
    dropped = []
    for tag in dataset.keys():  # noqa: SIM118 - iterating over a dataset would convert every value
        copied = tag.group in COPIED_GROUPS or tag in LOSSY_COMPRESSION
        if tag.is_private or not copied or tag == PATIENT_NAME:
            continue
        element = usable(dataset, tag)
        if element is None:
            dropped.append(str(tag))
        else:
            header.add(element)
    if text(header, "PatientSex") not in SEXES:
        header.PatientSex = ""
        dropped.append("PatientSex")
    if dropped:
        log.warning("Unusable attributes of the source images were left out: %s", ", ".join(dropped))
    return header


def usable(dataset: Dataset, tag: BaseTag) -> DataElement | None:
    """A copy of the attribute if it obeys its VR (or tells whose image this is) and can be encoded, else None.

    A copy, because setting an attribute of one dataset changes it in every dataset that shares the element.
    """
    try:
        element = dataset[tag]
        if element.keyword not in IDENTITY:
            validate(element)
        alone = Dataset()
        alone.add(element)
        write_dataset(little_endian_buffer(), alone, character_sets(dataset))
    except ENCODING_ERRORS:
        return None
    return deepcopy(element)


def validate(element: DataElement) -> None:
    """ValueError where the value, or one within a sequence, breaks the rules of its VR (PS3.5 6.2)."""
    if element.VR == "SQ":
        for nested in (nested for item in element.value for nested in item):
            validate(nested)
        return
    values = element.value if isinstance(element.value, MultiValue) else [element.value]
    for value in values:
        if value not in (None, ""):
            validate_value(element.VR, str(value) if element.VR in ("DS", "IS", "PN") else value, RAISE)


def character_sets(dataset: Dataset) -> list[str]:
    """Python encodings of the dataset's text."""
    return list(convert_encodings(dataset.get("SpecificCharacterSet") or "ISO_IR 6"))


def seg_character_set(dataset: Dataset, added_text: str) -> str | None:
    """Specific Character Set for a SEG: that of the source where it is a simple one and enough, else UTF-8."""
    found = text(dataset, "SpecificCharacterSet")
    if not added_text.isascii() or found not in SIMPLE_CHARACTER_SETS:
        return "ISO_IR 192"
    return found or None


def little_endian_buffer() -> DicomBytesIO:
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    return buffer
