"""From the files of a series to a SEG on the disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sdseg.inference.segmenter import Segmenter
from sdseg.inference.to_seg import segment_to_seg

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
    seg_uid, result = segment_to_seg(
        segmenter,
        folder,
        output,
        seed=seed,
        batch_size=batch_size,
        progress=progress,
        series_instance_uid=series_uid,
        created=created,
    )
    return Written(seg_uid, result.seconds, result.compact.shape[0])
