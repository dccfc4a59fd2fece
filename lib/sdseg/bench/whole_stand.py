"""From a series on the disk to a SEG on the disk, by stages."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sdseg.bench.contestant import Contestant
from sdseg.bench.timing import Seconds
from sdseg.engines.speed import LITE, PLAIN_SPEED, Speed
from sdseg.errors import InputError
from sdseg.evaluation.memory import resident_peak
from sdseg.inference.output import OutputFile
from sdseg.inference.segmenter import SegmentationResult, Segmenter
from sdseg.inference.streaming import StreamedResult, stream
from sdseg.model.batching import slices_at_a_time

FILE = "SEG encoding"
WHOLE_STAGES = ("load and preprocess", "model", "back to the source grid", FILE)


class WholeStand:
    """What `sdseg segment` does, again and again.

    Args:
        contestant: who; its weights have to be given. The baseline runs plainly, one slice at a time.
        device: torch device.
        source: the series.
        folder: where its SEG is written.
    """

    def __init__(self, contestant: Contestant, device: str, source: Path, folder: Path) -> None:
        if contestant.weights is None:
            raise InputError("From series to SEG takes trained weights; give --weights FOLDER.")
        speed = PLAIN_SPEED if contestant.is_paper else Speed(contestant.engine, **dict.fromkeys(contestant.lite, LITE))
        start = time.perf_counter()
        self._segmenter = Segmenter.load(contestant.weights, device, speed)
        self._ready = time.perf_counter() - start
        self._is_paper = contestant.is_paper
        self._batch = 1 if contestant.is_paper else slices_at_a_time(self._segmenter.pipeline)
        self._target = OutputFile.choose(source, folder / f"{contestant.name}.dcm", replace=True)
        self._labelmap: npt.NDArray[np.uint8] = np.zeros(0, np.uint8)

    def tell(self) -> dict[str, Any]:
        """engine: what really runs; ready: seconds of loading, the choice of an engine included; slices."""
        return {"engine": self._segmenter.speed.engine, "ready": self._ready, "slices": self._labelmap.shape[-1]}

    def run(self) -> Seconds:
        """Seconds of the whole and of its stages."""
        start = time.perf_counter()
        result = self._segment()
        segmented = time.perf_counter()
        self._target.write(result, self._segmenter, seed=0)
        end = time.perf_counter()
        self._labelmap = result.labelmap
        return {**result.seconds, FILE: end - segmented, "all": end - start}

    def _segment(self) -> SegmentationResult | StreamedResult:
        """The baseline holds the whole volume at each step; the others go through it a few slices at a time."""
        if self._is_paper:
            return self._segmenter.segment(self._target.source, batch_size=self._batch)
        return stream(self._segmenter, self._target.source, batch_size=self._batch)

    def labelmap(self) -> npt.NDArray[np.uint8]:
        """(columns, rows, slices) of the last run."""
        return self._labelmap

    def memory(self) -> int:
        """Bytes of resident memory held at most."""
        return resident_peak()
