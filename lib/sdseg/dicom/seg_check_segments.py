"""Whether a SEG describes the segments it should: numbers, codes, side, algorithm type (PS3.3 C.8.20.4)."""

from collections.abc import Sequence

from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from sdseg.dicom.codes import Structure
from sdseg.dicom.header import integer, text
from sdseg.dicom.seg_describe import AlgorithmType
from sdseg.dicom.seg_frames import first_item, items_of
from sdseg.dicom.seg_labels import Segments
from sdseg.errors import LabelError

CATEGORY, TYPE = "SegmentedPropertyCategoryCodeSequence", "SegmentedPropertyTypeCodeSequence"


def check_segments(stored: Dataset, segments: Segments, algorithm_type: AlgorithmType) -> None:
    """Every segment is numbered, coded and credited as its label says; a LABELMAP describes its background, too."""
    items = items_of(stored, "SegmentSequence")
    if text(stored, "SegmentationType") == "LABELMAP":
        check_background(items)
        items = items[1:]
    if [integer(item, "SegmentNumber") for item in items] != list(range(1, len(segments.names) + 1)):
        raise wrong_seg("its segments are not numbered from 1 on")
    for item, wanted in zip(items, segments.structures, strict=True):
        check_segment(item, wanted)
        if text(item, "SegmentAlgorithmType") != algorithm_type:
            raise wrong_seg(f"the segment {wanted.name} is not said to be {algorithm_type}")


def check_background(items: Sequence[Dataset]) -> None:
    """The first item is segment 0, background: PS3.3 C.8.20.2 lets a LABELMAP name the value."""
    if not items or integer(items[0], "SegmentNumber") != 0 or code_of(items[0], TYPE) != codes.DCM.Background:
        raise wrong_seg("its background is not described as such")


def check_segment(item: Dataset, wanted: Structure) -> None:
    """Category, type and side are those of the structure."""
    sides = items_of(first_item(item, TYPE), "SegmentedPropertyTypeModifierCodeSequence")
    found = (code_of(item, CATEGORY), code_of(item, TYPE), [code(side) for side in sides])
    if found != (wanted.category, wanted.property_type, [wanted.modifier] if wanted.modifier else []):
        raise wrong_seg(f"the segment {wanted.name} is coded as something else")


def code_of(item: Dataset, keyword: str) -> Code:
    """The first code of a code sequence."""
    return code(first_item(item, keyword))


def code(item: Dataset) -> Code:
    """A code sequence item as pydicom's Code; a value of over 16 characters has an attribute of its own."""
    value = text(item, "CodeValue") or text(item, "LongCodeValue") or text(item, "URNCodeValue")
    return Code(value, text(item, "CodingSchemeDesignator"), text(item, "CodeMeaning"))


def wrong_seg(what: str) -> LabelError:
    """The error that keeps a wrong SEG from leaving."""
    return LabelError(f"The DICOM SEG would be wrong, so none is written: {what}; please report this.")
