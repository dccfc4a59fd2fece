"""The last look at a SEG before it leaves: validators do not see a shifted mask or a wrong source."""

import io

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from sdseg.dicom.header import numbers, text
from sdseg.dicom.seg_frames import SegFrame, frames_of
from sdseg.dicom.seg_labels import Segments
from sdseg.dicom.seg_reader import read_seg
from sdseg.dicom.series import Series
from sdseg.errors import LabelError

POSITION_TOLERANCE_MM = 1e-3


def check_seg(seg: Dataset, series: Series, segments: Segments) -> None:
    """Encode `seg`, read it back and hold it against its sources and the mask; LabelError where it differs.

    Frames must lie where the instance they reference lies, and must hold that slice of the mask.
    """
    stored = encoded(seg)
    sources = {text(dataset, "SOPInstanceUID"): k for k, dataset in enumerate(series.datasets)}
    for frame in frames_of(stored):
        check_frame(frame, series, sources, segments)
    check_codes(stored, segments)
    labelmap, labels = read_seg(stored, series)
    if not np.array_equal(labelmap, segments.labelmap):
        raise wrong("the mask read back differs from the mask given")
    if labels != {name: number for number, name in enumerate(segments.names, 1)}:
        raise wrong("the segments read back differ from the labels given")


def check_frame(frame: SegFrame, series: Series, sources: dict[str, int], segments: Segments) -> None:
    """One frame references one instance of the series, lies where that lies and holds its slice of the mask."""
    if len(frame.sources) != 1 or frame.sources[0] not in sources:
        raise wrong(f"frame {frame.number} does not reference one image of the series")
    index = sources[frame.sources[0]]
    position = numbers(series.datasets[index], "ImagePositionPatient", 3)
    if position is None or np.abs(frame.position - position).max() > POSITION_TOLERANCE_MM:
        raise wrong(f"frame {frame.number} lies elsewhere than the image it references")
    if not np.array_equal(frame.pixels != 0, segments.labelmap[index] == frame.segment):
        raise wrong(f"frame {frame.number} holds another slice than the image it references")


def check_codes(stored: Dataset, segments: Segments) -> None:
    """Every segment is coded as the structure that its label names: category, type and side."""
    for item, wanted in zip(stored.SegmentSequence, segments.structures, strict=True):
        category, kind = item.SegmentedPropertyCategoryCodeSequence[0], item.SegmentedPropertyTypeCodeSequence[0]
        sides = [code_of(side) for side in kind.get("SegmentedPropertyTypeModifierCodeSequence") or []]
        coded = (code_of(category), code_of(kind), sides)
        if coded != (wanted.category, wanted.property_type, [wanted.modifier] if wanted.modifier else []):
            raise wrong(f"the segment {wanted.name} is coded as something else")


def code_of(item: Dataset) -> Code:
    """A code sequence item as pydicom's Code."""
    return Code(text(item, "CodeValue"), text(item, "CodingSchemeDesignator"), text(item, "CodeMeaning"))


def encoded(seg: Dataset) -> Dataset:
    """The SEG as a reader of its file would get it."""
    buffer = io.BytesIO()
    seg.save_as(buffer, enforce_file_format=True)
    buffer.seek(0)
    return dcmread(buffer)


def wrong(what: str) -> LabelError:
    return LabelError(f"The DICOM SEG would be wrong, so none is written: {what}; please report this.")
