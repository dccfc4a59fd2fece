"""What of a source's patient, study and scanner a derived object can repeat: one bad attribute must not cost it."""

import logging
import math
from collections.abc import Sequence
from copy import deepcopy

from pydicom.charset import convert_encodings
from pydicom.config import RAISE
from pydicom.datadict import dictionary_VM
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag, Tag
from pydicom.valuerep import validate_value

from sdseg.dicom.header import VALUE_ERRORS, text

log = logging.getLogger(__name__)
IDENTITY = ("PatientID", "PatientName", "IssuerOfPatientID", "StudyInstanceUID", "StudyID", "AccessionNumber")
"""Kept even where they break a rule of their VR: an archive must find the SEG beside its images."""
PATIENT_NAME = Tag("PatientName")
# Patient, General Study, Patient Study (PS3.3 C.7.1.1, C.7.2.1, C.7.2.2), without what holds only in company
# (animals, calendars, the consent to a trial), and the scanner for Contributing Equipment (C.12.1).
COPIED = (
    "PatientID", "IssuerOfPatientID", "TypeOfPatientID", "PatientBirthDate", "PatientBirthTime", "PatientSex",
    "OtherPatientNames", "PatientComments", "ReferencedPatientSequence",
    "StudyInstanceUID", "StudyID", "StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName",
    "StudyDescription", "PhysiciansOfRecord", "NameOfPhysiciansReadingStudy", "ReferencedStudySequence",
    "ProcedureCodeSequence", "ReasonForPerformedProcedureCodeSequence",
    "PatientAge", "PatientSize", "PatientWeight", "AdmittingDiagnosesDescription", "AdmittingDiagnosesCodeSequence",
    "AdditionalPatientHistory", "Occupation", "AdmissionID", "ServiceEpisodeID", "ServiceEpisodeDescription",
    "Manufacturer", "ManufacturerModelName", "InstitutionName", "InstitutionAddress", "InstitutionalDepartmentName",
    "StationName", "DeviceSerialNumber", "SoftwareVersions",
    "LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod",
)  # fmt: skip
# Copied as a whole or not at all: an attribute, and what has to come with it.
DEIDENTIFIED = ("PatientIdentityRemoved", "DeidentificationMethod")
TRIAL = ("ClinicalTrialSponsorName", "ClinicalTrialProtocolID", "ClinicalTrialSubjectID")
TRIAL_TYPE_2 = ("ClinicalTrialProtocolName", "ClinicalTrialSiteID", "ClinicalTrialSiteName")
TRIAL_DETAILS = (
    *TRIAL_TYPE_2, "ClinicalTrialSubjectReadingID", "ClinicalTrialTimePointID", "ClinicalTrialTimePointDescription",
)  # fmt: skip
TERMS = {
    "PatientSex": ("M", "F", "O"),
    "PatientIdentityRemoved": ("YES",),
    "LossyImageCompression": ("00", "01"),
    "TypeOfPatientID": ("TEXT", "RFID", "BARCODE"),
}
LINE_ENDS = "\r\n\f\t"
CODE = ("CodeValue", "CodingSchemeDesignator", "CodeMeaning")
REFERENCE = ("ReferencedSOPClassUID", "ReferencedSOPInstanceUID")
ENCODING_ERRORS = (*VALUE_ERRORS, LookupError)


def patient_and_study(dataset: Dataset) -> Dataset:
    """Attributes of patient, study and equipment that can be written again; PatientName is left out."""
    header = Dataset()
    dropped: list[str] = []
    copy(COPIED, dataset, header, dropped)
    for whole, details in ((DEIDENTIFIED, ("DeidentificationMethodCodeSequence",)), (TRIAL, TRIAL_DETAILS)):
        group = Dataset()
        copy((*whole, *details), dataset, group, dropped)
        if all(keyword in group for keyword in whole):
            header.update(group)
    if TRIAL[0] in header:
        for keyword in TRIAL_TYPE_2:
            if keyword not in header:
                setattr(header, keyword, "")
    if dropped:
        log.warning("Unusable attributes of the source images were left out: %s", ", ".join(dropped))
    return header


def copy(keywords: Sequence[str], dataset: Dataset, header: Dataset, dropped: list[str]) -> None:
    """Copy what is there and usable; the tags of what is there and is not are added to `dropped`."""
    for tag in map(Tag, keywords):
        if tag in dataset:
            element = usable(dataset, tag)
            if element is None:
                dropped.append(str(tag))
            elif not element.is_empty:
                header.add(element)


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
    """ValueError where the value breaks the rules of VR, multiplicity (PS3.5 6.2, 6.4) or terms; or an item is poor."""
    if element.VR == "SQ":
        needed = REFERENCE if element.keyword.startswith("Referenced") else CODE
        for item in element.value:
            if list(item.keys()) and any(nested.VR == "SQ" or not nested.keyword for nested in item):
                raise ValueError("an item within an item, or an unknown attribute")
            if any(not text(item, keyword) for keyword in needed):
                raise ValueError("an item without what it is for")
            for nested in item:
                validate(nested)
        return
    values = list(element.value) if isinstance(element.value, MultiValue) else [element.value]
    if len(values) > 1 and dictionary_VM(element.tag) == "1":
        raise ValueError("several values where one belongs")
    for value in values:
        if value in (None, ""):
            continue
        validate_value(element.VR, str(value) if element.VR in ("DS", "IS", "PN") else value, RAISE)
        if element.VR == "DS" and not (math.isfinite(float(value)) and float(value) > 0):
            raise ValueError("no size, weight or ratio")
        if element.keyword in TERMS and value not in TERMS[element.keyword]:
            raise ValueError("none of the terms")
        allowed = LINE_ENDS if element.VR in ("LT", "ST", "UT") else ""
        if any(not (char.isprintable() or char in allowed) for char in str(value)):
            raise ValueError("control characters")


def character_sets(dataset: Dataset) -> list[str]:
    """Python encodings of the dataset's text; UTF-8 where it names none that exists."""
    try:
        return list(convert_encodings(dataset.get("SpecificCharacterSet") or "ISO_IR 6"))
    except ENCODING_ERRORS:
        return ["utf8"]


def little_endian_buffer() -> DicomBytesIO:
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    return buffer
