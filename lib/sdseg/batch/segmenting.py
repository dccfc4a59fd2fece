"""From the files of a series to a SEG on the disk."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sdseg.dicom.seg_writer import build_seg
from sdseg.dicom.series import load_series
from sdseg.durable import replacing
from sdseg.errors import EmptySegmentationError
from sdseg.inference.provenance import provenance_of
from sdseg.inference.segmenter import Segmenter

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Written:
    """A SEG on the disk. `seconds`: time of each stage; `slices`: of its source."""

    seg_uid: str
    seconds: dict[str, float]
    slices: int


def write_seg(
    segmenter: Segmenter,
    folder: Path,
    series_uid: str,
    output: Path,
    created: datetime,
    seed: int,
    batch_size: int,
    progress: Progress | None = None,
) -> Written:
    """Segment the series in `folder` and write its SEG, whole or not at all.

    Raises:
        EmptySegmentationError: the model found nothing.
        SdsegError: the series or the result is unsafe.
        OSError: the disk refuses.
    """
    result = segmenter.segment(
        folder, seed=seed, batch_size=batch_size, progress=progress, series_instance_uid=series_uid
    )
    if result.is_empty:
        raise EmptySegmentationError(f"The model found no {' or '.join(result.labels)}: no SEG was made.")
    start = time.perf_counter()
    # (column, row, slice) -> (slices, rows, columns)
    labelmap = result.labelmap.transpose(2, 1, 0)
    provenance = provenance_of(segmenter, seed)
    seg = build_seg(load_series(folder, series_uid), labelmap, result.labels, provenance, created=created)
    with replacing(output) as file:
        seg.save_as(file, enforce_file_format=True)
    seconds = {**result.seconds, "write the SEG": time.perf_counter() - start}
    return Written(str(seg.SOPInstanceUID), seconds, labelmap.shape[0])
