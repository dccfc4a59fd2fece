"""What a worker is: models kept loaded, one series after the other."""

from __future__ import annotations

import logging
import time
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sdseg import __version__
from sdseg.batch.failures import FAILURES, outcome_of, told
from sdseg.batch.gathering import gather
from sdseg.batch.job import Job, Outcome, State
from sdseg.engines.speed import Speed
from sdseg.errors import SdsegError, WeightsError
from sdseg.scratch import scratch_folder, sweep_scratch

if TYPE_CHECKING:
    from sdseg.inference.segmenter import Segmenter


@dataclass(frozen=True)
class Equipment:
    """How a worker computes.

    Attributes:
        device: "cpu", "cuda" or "cuda:N".
        threads: of its CPU; 0 leaves them as they are.
        speed: engine, decoder, encoder and U-Net.
    """

    device: str = "cpu"
    threads: int = 0
    speed: Speed = field(default_factory=Speed)


def keep_quiet() -> None:
    """pydicom's and highdicom's warnings hold the values that they complain of: a name may be among them."""
    warnings.filterwarnings("ignore")
    logging.getLogger().setLevel(logging.ERROR)
    for name in ("pydicom", "highdicom", "monai"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


class Maker:
    """Makes SEGs in this process; whatever ends an attempt becomes an `Outcome`.

    Args:
        equipment: how it computes.
    """

    def __init__(self, equipment: Equipment) -> None:
        keep_quiet()
        self._equipment = equipment
        self._segmenters: dict[str, Segmenter] = {}
        if equipment.threads:
            import torch

            torch.set_num_threads(equipment.threads)

    def ready(self, weights: str, weights_sha256: str) -> str:
        """Load the weights, if any, and tell our version. Raises SdsegError, OSError."""
        sweep_scratch()
        if weights:
            self._segmenter(weights, weights_sha256)
        return __version__

    def do(self, job: Job) -> Outcome:
        """Segment one series and hand over its SEG."""
        try:
            return self._do(job)
        except FAILURES as error:
            return outcome_of(error)

    def _do(self, job: Job) -> Outcome:
        from sdseg.inference.to_seg import segment_to_seg

        start = time.perf_counter()
        try:
            segmenter = self._segmenter(job.weights, job.weights_sha256)
        except (SdsegError, OSError) as error:  # of the weights, not of the series: somebody may mend them
            return Outcome(State.PASSING, told(error))
        begun = time.perf_counter()
        with scratch_folder() as scratch:
            folder = gather(job, scratch / "series")
            gathered = time.perf_counter()
            here = not job.shared_mark or Path(job.shared_mark).is_file()
            output = Path(job.output) if here else scratch / "seg.dcm"
            seg_uid, result = segment_to_seg(
                segmenter,
                folder,
                output,
                seed=job.seed,
                batch_size=job.batch_size,
                series_instance_uid=job.series_uid,
                created=job.created,
            )
            content = None if here else output.read_bytes()
        seconds = {"load the model": begun - start, "gather": gathered - begun, **result.seconds}
        return Outcome(State.MADE, seg_uid=seg_uid, content=content, seconds=seconds, slices=result.slices)

    def _segmenter(self, weights: str, weights_sha256: str) -> Segmenter:
        from sdseg.inference.segmenter import Segmenter

        if weights not in self._segmenters:
            self._segmenters[weights] = Segmenter.load(Path(weights), self._equipment.device, self._equipment.speed)
        segmenter = self._segmenters[weights]
        if weights_sha256 and segmenter.weights_sha256 != weights_sha256:
            raise WeightsError(f"{weights} holds other weights on this machine: copy them anew, and start again.")
        return segmenter
