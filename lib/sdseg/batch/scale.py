"""What a number of studies a minute needs, worked out from what one series cost here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

MODEL = "model"
"""The stage that a GPU takes over."""
BITS = 8


@dataclass(frozen=True)
class Cost:
    """Of one study of one series.

    Attributes:
        seconds: stage -> seconds of one worker.
        threads: cores of that worker.
        slices: of the series.
        source_bytes, seg_bytes: of its files and of its SEG.
        memory_bytes: of a worker at its peak.
    """

    seconds: Mapping[str, float]
    threads: int
    slices: int
    source_bytes: int
    seg_bytes: int
    memory_bytes: int

    def of_slices(self, slices: int) -> Cost:
        """The same for a longer series: everything but the worker's memory grows with the slices."""
        times = slices / self.slices
        seconds = {stage: value * times for stage, value in self.seconds.items()}
        return Cost(
            seconds, self.threads, slices, round(self.source_bytes * times), round(self.seg_bytes * times),
            self.memory_bytes,
        )  # fmt: skip


@dataclass(frozen=True)
class Need:
    """Of a rate of studies a minute.

    Attributes:
        workers, cores: on CPUs alone.
        memory_bytes: of these workers.
        gpus, cores_beside_gpus: where GPUs run the model; None without a figure for one.
        read_bits, written_bits: a second, from and to the archive.
        instances: a second, that the archive gives out.
        stored_bytes: of SEGs, a day.
    """

    workers: int
    cores: int
    memory_bytes: int
    gpus: int | None
    cores_beside_gpus: int | None
    read_bits: float
    written_bits: float
    instances: float
    stored_bytes: float


def need(cost: Cost, studies_a_minute: float, load: float = 0.7, gpu_slices_a_second: float | None = None) -> Need:
    """How much it takes, none of it busier than `load`, so that a burst or a lost machine is caught up with.

    workers = studies a second x seconds of a study / load; cores = workers x threads of each.
    GPUs = studies a second x slices / (slices a second of one GPU) / load; cores beside them for all other stages.
    """
    rate = studies_a_minute / 60
    whole = sum(cost.seconds.values())
    workers = ceil(rate * whole / load)
    gpus = beside = None
    if gpu_slices_a_second is not None:
        gpus = ceil(rate * cost.slices / gpu_slices_a_second / load)
        beside = ceil(rate * (whole - cost.seconds.get(MODEL, 0.0)) * cost.threads / load)
    return Need(
        workers=workers,
        cores=workers * cost.threads,
        memory_bytes=workers * cost.memory_bytes,
        gpus=gpus,
        cores_beside_gpus=beside,
        read_bits=rate * cost.source_bytes * BITS,
        written_bits=rate * cost.seg_bytes * BITS,
        instances=rate * cost.slices,
        stored_bytes=rate * cost.seg_bytes * 86_400,
    )
