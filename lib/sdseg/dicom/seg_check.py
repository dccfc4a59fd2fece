"""The last look at a SEG before it leaves: validators do not see a shifted mask or a wrong source."""

import io

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset

from sdseg.dicom.header import text
from sdseg.dicom.plane import position_of
from sdseg.dicom.seg_check_segments import check_segments, wrong_seg
from sdseg.dicom.seg_describe import AlgorithmType
from sdseg.dicom.seg_frames import SegFrame, frames_of, items_of
from sdseg.dicom.seg_labels import Segments
from sdseg.dicom.seg_place import SeriesPlaces
from sdseg.dicom.seg_reader import check_kind, check_same_patient, segment_labels
from sdseg.dicom.series import Series

POSITION_TOLERANCE_MM = 1e-3


def check_seg(seg: Dataset, series: Series, segments: Segments, algorithm_type: AlgorithmType) -> None:
    """Encode `seg`, read it back and hold it against its sources and the mask; LabelError where it differs."""
    check_stored(encoded(seg), series, segments, algorithm_type)


def check_stored(stored: Dataset, series: Series, segments: Segments, algorithm_type: AlgorithmType) -> None:
    """The same of a SEG as it was stored.

    Frames must lie where the instance and frame they reference lies, hold that slice of the mask, and come once; all
    together they are the mask, and a reader (`read_seg`) puts each of them where its source is.
    """
    check_kind(stored)
    check_same_patient(stored, series)
    sources = {frame.key: index for index, frame in enumerate(series.frames)}
    places, seen = SeriesPlaces(series), set()
    for frame in frames_of(stored, largest=series.shape[1] * series.shape[2]):
        index = check_frame(frame, series, sources, segments)
        if not places.is_slice(frame, index):
            raise wrong_seg(f"frame {frame.number} would be read back into another slice")
        if (index, frame.segment) in seen:
            raise wrong_seg(f"frame {frame.number} comes a second time")
        seen.add((index, frame.segment))
    check_segments(stored, segments, algorithm_type)
    check_references(stored, series)
    if wanted_frames(segments, text(stored, "SegmentationType") == "LABELMAP") - seen:
        raise wrong_seg("the mask read back differs from the mask given")
    if segment_labels(stored) != {name: number for number, name in enumerate(segments.names, 1)}:
        raise wrong_seg("the segments read back differ from the labels given")


def wanted_frames(segments: Segments, labelmap: bool) -> set[tuple[int, int | None]]:
    """Slice and segment of each frame without which the mask is not whole; of a LABELMAP the segment is None."""
    held = ((index, segments.planes.values_in(index)) for index in range(segments.planes.shape[0]))
    return {(index, None if labelmap else value) for index, values in held for value in values}


def check_frame(frame: SegFrame, series: Series, sources: dict[tuple[str, int | None], int], segments: Segments) -> int:
    """The slice of a frame: it references one of the series, lies where that lies and holds its slice of the mask."""
    if len(frame.sources) != 1 or frame.sources[0] not in sources:
        raise wrong_seg(f"frame {frame.number} does not reference one image of the series")
    index = sources[frame.sources[0]]
    if (frame.place is not None) != series.is_volume:
        raise wrong_seg(f"frame {frame.number} has {'no' if series.is_volume else 'a'} place in the patient")
    if frame.place is not None:
        true = position_of(series.frames[index])
        if true is None or np.abs(frame.place.position - true).max() > POSITION_TOLERANCE_MM:
            raise wrong_seg(f"frame {frame.number} lies elsewhere than the image it references")
    mask = segments.planes.plane(index)
    expected = mask if frame.segment is None else mask == frame.segment
    if not np.array_equal(frame.pixels, expected):
        raise wrong_seg(f"frame {frame.number} holds another slice than the image it references")
    return index


def check_references(stored: Dataset, series: Series) -> None:
    """The Referenced Series Sequence names this series with all its instances (PS3.3 C.12.1.1.2), each once."""
    named = items_of(stored, "ReferencedSeriesSequence")
    if [text(item, "SeriesInstanceUID") for item in named] != [series.series_instance_uid]:
        raise wrong_seg("it does not reference the one series it was made from")
    instances = [text(item, "ReferencedSOPInstanceUID") for item in items_of(named[0], "ReferencedInstanceSequence")]
    if sorted(instances) != sorted({frame.sop_instance_uid for frame in series.frames}):
        raise wrong_seg("it does not reference every image of its series once")


def encoded(seg: Dataset) -> Dataset:
    """The SEG as a reader of its file would get it."""
    buffer = io.BytesIO()
    seg.save_as(buffer, enforce_file_format=True)
    buffer.seek(0)
    return dcmread(buffer)
