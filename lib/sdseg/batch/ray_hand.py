"""A worker as an actor of a Ray cluster: one a device, wherever the cluster has room for it."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from sdseg import __version__
from sdseg.batch.hand import WorkerDiedError
from sdseg.batch.job import Job, Outcome
from sdseg.batch.maker import Equipment, Maker
from sdseg.errors import InputError, SdsegError, WeightsError

MISSING = "Ray is not installed: `pip install -r requirements-cluster.txt` on every machine of the cluster."
OBJECT_STORE_BYTES = 100 * 2**20
"""Jobs are references and results a few MB: the smallest store that Ray allows would do."""
LOOK_SECONDS = 1.0
PATIENCE_SECONDS = 600.0
"""For a place in the cluster, and for the model to load there."""


@dataclass(frozen=True)
class Share:
    """What an actor takes of its machine: cores and GPUs."""

    cores: int
    gpus: int = 0

    def __str__(self) -> str:
        return f"{self.cores} free cores" + (f" and {self.gpus} GPU" if self.gpus else "")


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """Ray, connected to the cluster at `address`: auto (the one of this machine), host:port, or local (a new one).

    Nothing is told to Ray's makers, there is no dashboard, and the workers' outputs stay on their machines.

    Raises:
        InputError: Ray is not installed, or there is no cluster.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    check_answers(address)
    ray: Any = import_module("ray")
    quiet = {"log_to_driver": False, "logging_level": "ERROR", "configure_logging": True}
    own = {"include_dashboard": False, "object_store_memory": OBJECT_STORE_BYTES} if address == "local" else {}
    try:
        ray.init(address=address, **quiet, **own)
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        raise InputError(
            f"There is no Ray cluster at {address}, or one of another version of Ray or Python "
            f"({type(error).__name__}): `ray start --head` starts one."
        ) from None
    try:
        yield ray
    finally:
        ray.shutdown()


def places(ray: Any, share: Share) -> int:
    """How many actors of this share the machines of the cluster hold together."""
    return sum(_fits(node["Resources"], share) for node in ray.nodes() if node["Alive"])


def check_answers(address: str) -> None:
    """Raises InputError: Ray is not installed, or nothing answers at host:port, where Ray itself waits for minutes."""
    if find_spec("ray") is None:
        raise InputError(MISSING)
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdecimal():
        return
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except (OSError, OverflowError):
        raise InputError(f"Nothing answers at {address}: start Ray there by `ray start --head`.") from None


def largest_machine(ray: Any) -> int:
    """Cores of the largest machine of the cluster."""
    return max((int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]), default=0)


def _fits(resources: dict[str, float], share: Share) -> int:
    rooms = [int(resources.get("CPU", 0) // share.cores)]
    if share.gpus:
        rooms.append(int(resources.get("GPU", 0) // share.gpus))
    return min(rooms)


class RayHand:
    """A `Hand`: an actor that ends with the driver, however that ends.

    Args:
        ray: connected.
        equipment, share: how it computes, and what it takes of its machine.
        weights, weights_sha256: loaded before it is called ready; "" for those of each job.
        job_seconds: after which a job that does not end has its actor killed.
    """

    def __init__(
        self,
        ray: Any,
        equipment: Equipment,
        share: Share,
        weights: str = "",
        weights_sha256: str = "",
        job_seconds: float = 3600.0,
    ) -> None:
        self._ray, self._weights, self._job_seconds = ray, (weights, weights_sha256), job_seconds
        # Its name in Ray's own lists is its class: no job is ever named there.
        actor = ray.remote(max_restarts=0, max_task_retries=0)(Maker)
        self._actor = actor.options(num_cpus=share.cores, num_gpus=share.gpus)
        self._equipment = equipment
        self._handle: Any = None
        self._killed = threading.Event()

    def start(self) -> None:
        self._end()
        if self._killed.is_set():
            raise WorkerDiedError("killed")
        self._handle = self._actor.remote(self._equipment)
        version = self._wait(self._handle.ready.remote(*self._weights), PATIENCE_SECONDS)
        if version != __version__:
            raise InputError(f"A worker of the cluster runs SDSeg {version}, this is {__version__}: install the same.")

    def do(self, job: Job) -> Outcome:
        handle = self._handle
        if handle is None:
            raise WorkerDiedError("killed")
        outcome: Outcome = self._wait(handle.do.remote(job), self._job_seconds)
        return outcome

    def kill(self) -> None:
        self._killed.set()
        self._end()

    def _wait(self, answer: Any, seconds: float) -> Any:
        """What a call gives. Raises WorkerDiedError; SdsegError, OSError of the maker as SdsegError."""
        until = time.monotonic() + seconds
        try:
            while not self._ray.wait([answer], timeout=LOOK_SECONDS)[0]:
                if self._killed.is_set():
                    raise WorkerDiedError("killed")
                if time.monotonic() > until:
                    self._end()
                    raise WorkerDiedError(f"no answer in {seconds:.0f} seconds")
            return self._ray.get(answer)
        except self._ray.exceptions.RayTaskError as error:
            raise _ours(error.cause) from None
        except self._ray.exceptions.RayError as error:
            raise WorkerDiedError(type(error).__name__) from None

    def _end(self) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            self._ray.kill(handle)


def _ours(cause: BaseException) -> BaseException:
    """What a worker raised as this process raises it: an error of ours, or a bug."""
    if isinstance(cause, OSError):
        return WeightsError(f"The weights cannot be read on a worker's machine ({cause.strerror}): share their folder.")
    return cause if isinstance(cause, SdsegError) else WorkerDiedError(type(cause).__name__)
