"""A bounded queue: one worker thread a device, first come, first served."""

from __future__ import annotations

import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sdseg.errors import SdsegError, UnknownNameError
from sdseg.jobs.errors import DuplicateJobError, JobCancelledError, QueueFullError, forget_locals
from sdseg.jobs.job import CANCELLED, Asked, Job, State
from sdseg.jobs.status import JobStatus, status_of

Work = Callable[[Job], Any]
_BUG = "The server made a mistake; its log tells which."
_GUESS = 10  # seconds to ask again in where nothing was measured


@dataclass(frozen=True)
class Overview:
    """All jobs that are known: running, waiting in their order, and ended, the latest first."""

    running: list[JobStatus]
    waiting: list[JobStatus]
    recent: list[JobStatus]


class JobQueue:
    """Jobs of several devices.

    Args:
        length: how many may wait, over all devices together.
        kept: how many ended jobs are remembered.
        forget: called with a job that is remembered no longer.
        initializer: called in each worker thread as it starts.
    """

    def __init__(
        self,
        length: int,
        kept: int = 20,
        forget: Callable[[Job], None] = lambda _: None,
        initializer: Callable[[], None] = lambda: None,
    ) -> None:
        if length < 1 or kept < 1:
            raise ValueError("length and kept must be at least 1")
        self._length = length
        self._kept = kept
        self._forget = forget
        self._initializer = initializer
        self._lock = threading.RLock()
        self._workers: dict[str, ThreadPoolExecutor] = {}
        self._lanes: dict[str, list[Job]] = {}  # unfinished, the first one runs
        self._recent: deque[Job] = deque()
        self._seconds: dict[tuple[str, str], float] = {}  # (model, device) -> of the last job that was not cached
        self._listeners: list[Callable[[], object]] = []
        self._closed = False

    def submit(
        self, asked: Asked, work: Work, id: str | None = None, release: Callable[[], None] = lambda: None
    ) -> Job:
        """A job that calls `work` with itself when its turn comes; `job.future` holds what it returns or raises.

        Raises QueueFullError, DuplicateJobError, JobCancelledError (the queue is closed); then `release` is not called.
        """
        with self._lock:
            job = Job(id or str(uuid.uuid4()), asked, self._notify, release)
            if self._find(job.id) is not None:
                raise DuplicateJobError(f"There is a job {job.id} already; choose another id.")
            lane = self._lanes.setdefault(asked.device, [])
            waiting = sum(max(0, len(jobs) - 1) for jobs in self._lanes.values())
            if self._closed:
                raise JobCancelledError("The server is ending; ask again when it runs.")
            if lane and waiting >= self._length:
                raise QueueFullError(waiting, max(1, round(lane[0].seconds_left or _GUESS)))
            lane.append(job)
            if lane[0] is job:
                job.start()
            job.future = self._worker(asked.device).submit(work, job)
        job.future.add_done_callback(lambda future: self._end(job, future))
        self._notify()
        return job

    def find(self, id: str) -> Job:
        """Raises UnknownNameError."""
        with self._lock:
            job = self._find(id)
        if job is None:
            raise UnknownNameError(f"There is no job {id[:80]!r}; it may have ended long ago.")
        return job

    def cancel(self, job: Job) -> None:
        """A waiting job leaves at once, a running one at its next step; one that has ended or files stays."""
        if job.ask_to_stop():
            job.future.cancel()

    def status(self, job: Job) -> JobStatus:
        with self._lock:
            lane = self._lanes.get(job.asked.device, [])
            if job not in lane:
                return status_of(job, None, None)
            place = lane.index(job)
            return status_of(job, place or None, self._eta(lane[: place + 1]))

    def overview(self) -> Overview:
        with self._lock:
            lanes = [lane for lane in self._lanes.values() if lane]
            return Overview(
                running=[self.status(lane[0]) for lane in lanes],
                waiting=sorted((self.status(job) for lane in lanes for job in lane[1:]), key=lambda s: s.created),
                recent=[self.status(job) for job in self._recent],
            )

    @contextmanager
    def listening(self, callback: Callable[[], object]) -> Iterator[None]:
        """For the duration of the block `callback` is called after every change, from any thread."""
        with self._lock:
            self._listeners.append(callback)
        try:
            yield
        finally:
            with self._lock:
                self._listeners.remove(callback)

    @property
    def closed(self) -> bool:
        return self._closed

    def close(self) -> None:
        """Take no more, and cancel what there is: the server ends."""
        self._closed = True
        with self._lock:
            jobs = [job for lane in self._lanes.values() for job in reversed(lane)]
        for job in jobs:
            self.cancel(job)
        self._notify()

    # --- inside
    def _worker(self, device: str) -> ThreadPoolExecutor:
        if device not in self._workers:
            self._workers[device] = ThreadPoolExecutor(1, f"job-{device}", initializer=self._initializer)
        return self._workers[device]

    def _find(self, id: str) -> Job | None:
        unfinished = (job for lane in self._lanes.values() for job in lane)
        return next((job for job in (*unfinished, *self._recent) if job.id == id), None)

    def _eta(self, jobs: list[Job]) -> float | None:
        """Until the last of `jobs`, of which the first one runs, has ended."""
        running, *waiting = jobs
        parts = [running.seconds_left, *(self._seconds.get((j.asked.model, j.asked.device)) for j in waiting)]
        known = [part for part in parts if part is not None]
        return sum(known) if len(known) == len(parts) else None

    def _end(self, job: Job, future: Future[Any]) -> None:
        """Called by the thread that ended it: the worker's, or the one that cancelled it."""
        error = _error_of(future)
        with self._lock:
            job.end(*_outcome(error))
            lane = self._lanes[job.asked.device]
            was_first = lane[0] is job
            lane.remove(job)
            if was_first and lane:
                lane[0].start()
            if job.state == "done" and not job.cached:
                self._seconds[job.asked.model, job.asked.device] = time.monotonic() - job.began
            self._recent.appendleft(job)
            forgotten = [self._recent.pop() for _ in range(len(self._recent) - self._kept)]
        try:
            job.release()
            for old in forgotten:
                self._forget(old)
        finally:
            self._notify()

    def _notify(self) -> None:
        for callback in tuple(self._listeners):
            callback()


def _outcome(error: BaseException | None) -> tuple[State, str]:
    """How a job ended, and what is told about it."""
    if error is None:
        return "done", ""
    if isinstance(error, JobCancelledError | CancelledError):
        return "cancelled", CANCELLED
    return "failed", str(error) if isinstance(error, SdsegError) else _BUG


def _error_of(future: Future[Any]) -> BaseException | None:
    """What it raised, without the tensors that its frames hold."""
    if future.cancelled():
        return CancelledError()
    error = future.exception()
    if error is not None:
        forget_locals(error)
    return error
