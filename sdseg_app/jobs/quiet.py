"""Whether anybody waits for this server's devices."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from monailabel.utils.async_tasks.utils import tasks

from sdseg.jobs.queue import JobQueue

_TASKS = ("train", "batch_infer", "scoring")  # of MONAI Label, each a process of its own
_RUN = ("SUBMITTED", "RUNNING")


class Quiet:
    """Args: queue: the inferences."""

    def __init__(self, queue: JobQueue) -> None:
        self._queue = queue
        self._disturbed = time.monotonic()
        self._ended = threading.Event()

    @contextmanager
    def listening(self) -> Iterator[None]:
        """For the duration of the block jobs are noticed, however short."""
        with self._queue.listening(self._disturb):
            yield

    def is_now(self) -> bool:
        """No inference, training or batch runs or waits."""
        jobs = self._queue.overview()
        told = (task["status"] for name in _TASKS for task in tuple(tasks(name)))
        busy = bool(jobs.running or jobs.waiting) or any(status in _RUN for status in told)
        if busy:
            self._disturb()
        return not busy

    def lasts(self, seconds: float) -> bool:
        """It is quiet, and has been for so long."""
        return self.is_now() and time.monotonic() - self._disturbed >= seconds

    def wants_other(self, model: str) -> bool:
        """Somebody waits for another model, which may need the memory."""
        jobs = self._queue.overview()
        return any(job.model != model for job in (*jobs.running, *jobs.waiting))

    def wait(self, seconds: float) -> bool:
        """True, at once, when the server ends."""
        return self._ended.wait(seconds) or self._queue.closed

    def end(self) -> None:
        """The server ends."""
        self._ended.set()

    def _disturb(self) -> None:
        self._disturbed = time.monotonic()
