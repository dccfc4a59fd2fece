"""The functional groups of a frame: its own, or those that all frames share (PS3.3 C.7.6.16)."""

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from sdseg.dicom.header import label, uid, value
from sdseg.dicom.named import refusal_of
from sdseg.dicom.source_frame import SourceFrame

EMPTY = Dataset()


def first_item(dataset: Dataset, keyword: str) -> Dataset:
    """First item of a sequence, an empty dataset where there is none."""
    return item(dataset, keyword, 0)


def item(dataset: Dataset, keyword: str, index: int) -> Dataset:
    """One item of a sequence, an empty dataset where there is none."""
    found = value(dataset, keyword)
    inside = isinstance(found, Sequence) and index < len(found)
    one = found[index] if inside else EMPTY  # type: ignore[index]
    return one if isinstance(one, Dataset) else EMPTY


def group(frame: SourceFrame, keyword: str) -> Dataset:
    """A functional group of a frame, per frame or else shared; an empty dataset where it has none."""
    own = item(frame.dataset, "PerFrameFunctionalGroupsSequence", (frame.number or 1) - 1)
    holder = own if keyword in own else first_item(frame.dataset, "SharedFunctionalGroupsSequence")
    return first_item(holder, keyword)


def check_groups(dataset: Dataset, frames: int) -> None:
    """GeometryError unless there is one item of functional groups for each frame."""
    found = value(dataset, "PerFrameFunctionalGroupsSequence")
    described = len(found) if isinstance(found, Sequence) else 0
    if described != frames:
        raise refusal_of(
            f"{label(dataset)} has {frames} frame(s) but describes {described}: export it again.",
            uid(dataset, "SOPInstanceUID"),
        )
