"""Headers of a folder's files in DICOM JSON, kept while a file does not change."""

from __future__ import annotations

import logging
from collections.abc import Collection
from pathlib import Path

from pydicom import dcmread
from pydicom.datadict import dictionary_VR, tag_for_keyword

from sdseg.dicom.files import READ_ERRORS
from sdseg.dicomweb.dicom_json import Attributes, read_header, to_json
from sdseg.pacs.folder_index import IndexedFile

logger = logging.getLogger(__name__)

STUDY = (
    "SpecificCharacterSet", "StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName",
    "TimezoneOffsetFromUTC", "StudyDescription", "PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate",
    "PatientSex", "PatientAge", "StudyInstanceUID", "StudyID",
)  # fmt: skip
SERIES = (
    "SpecificCharacterSet", "Modality", "TimezoneOffsetFromUTC", "SeriesDescription", "StudyInstanceUID",
    "SeriesInstanceUID", "SeriesNumber", "SeriesDate", "SeriesTime", "BodyPartExamined", "Manufacturer",
    "PerformedProcedureStepStartDate", "PerformedProcedureStepStartTime", "RequestAttributesSequence",
)  # fmt: skip
INSTANCE = (
    "SpecificCharacterSet", "SOPClassUID", "SOPInstanceUID", "TimezoneOffsetFromUTC", "StudyInstanceUID",
    "SeriesInstanceUID", "InstanceNumber", "Rows", "Columns", "BitsAllocated", "NumberOfFrames",
)  # fmt: skip
USUAL = frozenset({*STUDY, *SERIES, *INSTANCE})
_KEPT = 20_000  # headers


class Headers:
    """The usual attributes from memory, any other from the file."""

    def __init__(self) -> None:
        self._kept: dict[Path, tuple[IndexedFile, Attributes]] = {}

    def get(self, file: IndexedFile, keywords: Collection[str]) -> Attributes:
        """Those of `keywords` that the file has; none when it cannot be read any more."""
        known = self._usual(file)
        others = [keyword for keyword in keywords if keyword not in USUAL]
        if others:
            known = {**known, **_read(file, others)}
        tags = [f"{tag_for_keyword(keyword):08X}" for keyword in keywords]
        return {tag: known[tag] for tag in tags if tag in known}

    def indexed(self, file: IndexedFile) -> Attributes:
        """What an instance is listed with, without opening its file: a series may have thousands."""
        known = {keyword: file.fields[keyword] for keyword in INSTANCE if keyword in file.fields}
        return {
            f"{tag_for_keyword(keyword):08X}": {"vr": dictionary_VR(keyword), "Value": [value]}
            for keyword, value in known.items()
            if value is not None
        }

    def _usual(self, file: IndexedFile) -> Attributes:
        kept = self._kept.get(file.path)
        if kept is None or kept[0] is not file:
            if len(self._kept) >= _KEPT:
                self._kept.clear()
            kept = self._kept[file.path] = (file, _read(file, USUAL))
        return kept[1]


def _read(file: IndexedFile, keywords: Collection[str]) -> Attributes:
    try:
        header = dcmread(file.path, stop_before_pixels=True, specific_tags=list(keywords))
    except READ_ERRORS as error:
        logger.warning("%s cannot be read (%s)", file.path, type(error).__name__)
        return {}
    return to_json(header, lambda path: "")


def all_attributes(file: IndexedFile, url: str) -> Attributes | None:
    """The whole header of an instance, whose address is `url`; None, told in the log, when it cannot be read."""
    try:
        return to_json(read_header(file.path), lambda path: f"{url}/bulkdata/{path}")
    except READ_ERRORS as error:
        logger.warning("%s is left out: its header cannot be read (%s)", file.path, type(error).__name__)
        return None
