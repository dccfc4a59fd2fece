"""Whether an archive holds the very object, though it may have corrected its own records of patient and study."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from pydicom import DataElement, Dataset
from pydicom.datadict import tag_for_keyword
from pydicom.tag import BaseTag

from sdseg.dicom.header import VALUE_ERRORS

_PIXEL_DATA = 0x7FE00010
# What an archive may coerce to its own records (PS3.4 B.4.1), and how it encodes text. PatientID is compared.
_COERCED = frozenset(
    tag_for_keyword(keyword)
    for keyword in (
        "SpecificCharacterSet", "AccessionNumber", "ReferringPhysicianName", "StudyID", "StudyDescription",
        "InstitutionName", "IssuerOfAccessionNumberSequence", "OriginalAttributesSequence",
        "ModifiedAttributesSequence", "TimezoneOffsetFromUTC", "RetrieveAETitle", "InstanceAvailability",
        "ReferencedPatientSequence", "ReferencedStudySequence", "DataSetTrailingPadding",
    )
)  # fmt: skip
_PATIENT_GROUP, _PATIENT_ID = 0x0010, 0x00100020
_TIMES = frozenset({"DA", "TM", "DT"})


def same_content(one: Dataset, other: Dataset) -> bool:
    """Equal but for dates, times, private tags and what an archive coerces; both as read from a file.

    An object made again from the same sources differs from the first in its times alone.
    """
    return _same(one, other, top=True) and _same_pixels(one, other)


def _same(one: Dataset, other: Dataset, top: bool = False) -> bool:
    ours = {element.tag: element for element in _compared(one, top)}
    theirs = {element.tag: element for element in _compared(other, top)}
    return ours.keys() == theirs.keys() and all(_same_value(ours[tag], theirs[tag]) for tag in ours)


def _compared(dataset: Dataset, top: bool) -> Iterator[DataElement]:
    for tag in list(dataset.keys()):
        coerced = top and (tag in _COERCED or (tag.group == _PATIENT_GROUP and tag != _PATIENT_ID))
        # A group number is private when it is odd; element 0 is a group's length.
        if coerced or tag.is_private or tag.element == 0 or (top and tag == _PIXEL_DATA):
            continue
        element = _element(dataset, tag)
        if element.VR not in _TIMES and not element.is_empty:
            yield element


def _element(dataset: Dataset, tag: BaseTag) -> DataElement:
    """One that cannot be read is compared as it is written: real headers hold text where numbers belong."""
    try:
        return dataset[tag]
    except VALUE_ERRORS:
        return DataElement(tag, "UN", dataset.get_item(tag).value)


def _same_value(one: DataElement, other: DataElement) -> bool:
    if one.VR == "SQ" and other.VR == "SQ":
        return len(one.value) == len(other.value) and all(map(_same, one.value, other.value))
    return bool(one.value == other.value) or repr(one.value) == repr(other.value)  # not a number equals nothing


def _same_pixels(one: Dataset, other: Dataset) -> bool:
    """The bytes, or, where the archive stores another transfer syntax, what they decode to."""
    if ("PixelData" in one) != ("PixelData" in other):
        return False
    if "PixelData" not in one:
        return True
    if _transfer_syntax(one) == _transfer_syntax(other):
        return bool(one.PixelData == other.PixelData)
    return bool(np.array_equal(one.pixel_array, other.pixel_array))


def _transfer_syntax(dataset: Dataset) -> str:
    """Implicit and explicit little endian hold the same pixel bytes."""
    uid = str(dataset.file_meta.TransferSyntaxUID)
    return "native" if uid in ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1") else uid
