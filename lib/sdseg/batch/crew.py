"""The pool that somebody asked for: processes of this machine, or actors of a Ray cluster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sdseg.batch.cores import CORES_A_WORKER, default_workers, free_bytes, threads_of, usable_cores
from sdseg.batch.hand import Hand
from sdseg.batch.maker import Equipment
from sdseg.batch.pool import Pool
from sdseg.engines.speed import Speed
from sdseg.errors import InputError

LOCAL, RAY = "local", "ray"


@dataclass(frozen=True)
class Crew:
    """Who works.

    Attributes:
        engine: local or ray.
        workers: how many; None: as many as there is room for.
        threads: cores of each; None: the machine's divided between them, on Ray up to four.
        device: cpu, or cuda (one worker a GPU), or cuda:N.
        speed: engine, decoder, encoder and U-Net.
        address: of the Ray cluster: auto, host:port or local.
        job_seconds: after which a series that does not end has its worker killed.

    Raises:
        InputError: no such engine, not a positive number.
    """

    engine: str = LOCAL
    workers: int | None = None
    threads: int | None = None
    device: str = "cpu"
    speed: Speed = field(default_factory=Speed)
    address: str = "auto"
    job_seconds: float = 3600.0

    def __post_init__(self) -> None:
        if self.engine not in (LOCAL, RAY):
            raise InputError(f"--engine {self.engine[:40]} is not known: use local or ray.")
        if self.engine == LOCAL and self.address != "auto":
            raise InputError(f"--address {self.address[:80]} is a Ray cluster's: add --engine ray, or leave it out.")
        if any(number is not None and number <= 0 for number in (self.workers, self.threads, self.job_seconds)):
            raise InputError("Workers, threads and the time limit are above zero: check the options.")

    def check(self) -> None:
        """What can be known before any file is read. Raises InputError: Ray is not installed, or does not answer."""
        if self.engine == RAY:
            from sdseg.batch.ray_hand import check_answers

            check_answers(self.address)

    @contextmanager
    def pool(self, weights: Path | None = None, weights_sha256: str = "") -> Iterator[Pool]:
        """The workers, each with the weights loaded; None loads those of each job when it comes.

        Raises:
            InputError: Ray or a device is not there.
        """
        loaded = ("" if weights is None else str(weights), weights_sha256)
        if self.engine == LOCAL:
            with Pool(self._processes(weights, loaded), one_first=True) as pool:
                yield pool
            return
        from sdseg.batch.ray_hand import connected

        with connected(self.address) as ray, Pool(self._actors(ray, loaded)) as pool:
            yield pool

    def _processes(self, weights: Path | None, loaded: tuple[str, str]) -> list[Hand]:
        from sdseg.batch.process_hand import ProcessHand

        cores, devices = usable_cores(), _devices(self.device)
        workers = self.workers or self._room(weights, devices, cores)
        threads = threads_of(workers, self.threads, cores)
        equipment = [self._equipment(devices[number % len(devices)], threads) for number in range(workers)]
        return [ProcessHand(each, *loaded, job_seconds=self.job_seconds) for each in equipment]

    def _room(self, weights: Path | None, devices: list[str], cores: int) -> int:
        """How many workers this machine has room for, where nobody says."""
        if self.device != "cpu":
            return len(devices)
        return 1 if weights is None else default_workers(weights, cores, free_bytes())

    def _actors(self, ray: object, loaded: tuple[str, str]) -> list[Hand]:
        from sdseg.batch.ray_hand import RayHand, Share, largest_machine, places

        gpus = 0 if self.device == "cpu" else 1
        share = Share(self.threads or max(1, min(CORES_A_WORKER, largest_machine(ray))), gpus)
        workers = self.workers or places(ray, share)
        if not workers:
            raise InputError(f"The Ray cluster has no machine with {share}: give fewer --threads, or another device.")
        equipment = self._equipment("cuda" if gpus else "cpu", share.cores)
        return [RayHand(ray, equipment, share, *loaded, job_seconds=self.job_seconds) for _ in range(workers)]

    def _equipment(self, device: str, threads: int) -> Equipment:
        return Equipment(device, threads, self.speed)


def _devices(device: str) -> list[str]:
    """Each GPU of this machine for "cuda"; else the one device."""
    if device != "cuda":
        return [device]
    import torch

    from sdseg.model.device import check_device

    check_device(device)
    return [f"cuda:{number}" for number in range(torch.cuda.device_count())]
