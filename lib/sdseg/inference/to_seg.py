"""From a DICOM series on the disk to its DICOM SEG on the disk, in memory that hardly grows with the slices."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sdseg.dicom.seg_writer import SegmentationType, write_seg
from sdseg.errors import EmptySegmentationError, InputError
from sdseg.inference.provenance import provenance_of
from sdseg.inference.streaming import StreamedResult, stream
from sdseg.inference.told import nothing_found

if TYPE_CHECKING:
    from sdseg.inference.segmenter import Segmenter, SliceProgress

WRITE = "write the SEG"


def segment_to_seg(
    segmenter: Segmenter,
    source: Path,
    path: Path,
    *,
    modality: str | None = None,
    seed: int = 0,
    batch_size: int = 8,
    progress: SliceProgress | None = None,
    series_instance_uid: str | None = None,
    enter: Callable[[str], None] = lambda stage: None,
    created: datetime | None = None,
    segmentation_type: SegmentationType = "BINARY",
) -> tuple[str, StreamedResult]:
    """Segment a series and write its SEG to `path`, whole or not at all.

    Args:
        segmenter, source, modality, seed, batch_size, progress, series_instance_uid, enter: see `stream`; `enter` is
            called with file, too.
        path: of the SEG.
        created, segmentation_type: see `build_seg`.

    Returns:
        SOPInstanceUID of the SEG, and the result, whose `seconds` tell of the writing as well.

    Raises:
        EmptySegmentationError: the model found nothing.
        SdsegError: the series or the result is unsafe.
        OSError: the disk refuses.
    """
    result = stream(segmenter, source, modality, seed, batch_size, progress, series_instance_uid, enter)
    enter("file")
    return seg_of_result(result, segmenter, path, seed, created, segmentation_type), result


def seg_of_result(
    result: StreamedResult,
    segmenter: Segmenter,
    path: Path,
    seed: int,
    created: datetime | None = None,
    segmentation_type: SegmentationType = "BINARY",
) -> str:
    """Write the SEG of what `stream` found and give its SOPInstanceUID; raises as `segment_to_seg`."""
    if result.series is None:
        raise InputError("A DICOM SEG needs a DICOM series: write a labelmap of other images.")
    if result.is_empty:
        found = nothing_found(result.labels, result.left_out, result.model_slices)
        raise EmptySegmentationError(f"{found}: no SEG was made.")
    start = time.perf_counter()
    uid = write_seg(
        path,
        result.series,
        result.compact,
        result.labels,
        provenance_of(segmenter, seed),
        created=created,
        segmentation_type=segmentation_type,
    )
    result.seconds[WRITE] = time.perf_counter() - start
    return uid
