"""From the files of a series to a SEG on the disk, in this process."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from sdseg.batch.segmenting import Progress, write_seg
from sdseg.inference.segmenter import Segmenter


def segment_series(
    segmenter: Segmenter,
    folder: Path,
    series_uid: str,
    output: Path,
    created: datetime,
    seed: int,
    batch_size: int,
    progress: Progress,
) -> str:
    """Segment the series in `folder` and write its SEG; gives its SOPInstanceUID. Raises as `write_seg`."""
    return write_seg(segmenter, folder, series_uid, output, created, seed, batch_size, progress).seg_uid
