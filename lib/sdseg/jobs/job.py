"""One piece of work that waits for a device, runs on it, and can be watched and cancelled meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from sdseg.jobs.errors import JobCancelledError
from sdseg.jobs.rate import Rate

State = Literal["waiting", "running", "done", "failed", "cancelled"]
Stage = Literal["waiting", "fetch", "load", "model", "restore", "file"]
CANCELLED = "Cancelled."
ENDED: frozenset[State] = frozenset({"done", "failed", "cancelled"})


@dataclass(frozen=True)
class Asked:
    """What a job is about; `image` is an id, never a name of a person."""

    model: str
    image: str
    user: str
    device: str


class Job:
    """Made by `JobQueue.submit`, which alone moves its state; the work reports through the methods below.

    Args:
        id: unique in its queue.
        asked: what it is about.
        changed: called after every change, from any thread; must be quick.
        release: the queue calls it once when the job has ended, whatever the end: what it needed can go.
    """

    def __init__(self, id: str, asked: Asked, changed: Callable[[], None], release: Callable[[], None]) -> None:
        self.id = id
        self.asked = asked
        self.created = _now()
        self.started: str | None = None
        self.ended: str | None = None
        self.state: State = "waiting"
        self.stage: Stage = "waiting"
        self.done = self.total = 0
        self.cached = False
        self.detail = ""
        self.future: Future[Any] = Future()  # the queue puts the real one here
        self.release = release
        self.began = 0.0  # monotonic
        self.folder: Path | None = None  # of its result, for whoever submitted it
        self._changed = changed
        self._lock = threading.Lock()
        self._cancelled = self._committed = False
        self._rate: Rate | None = None

    # --- for the work
    def enter(self, stage: Stage, total: int = 0) -> None:
        """A new stage of `total` steps, 0 where they are not counted. Raises JobCancelledError."""
        self.check()
        self.stage, self.done, self.total = stage, 0, total
        self._rate = Rate() if total else None
        self._changed()

    def progress(self, done: int, total: int) -> None:
        """So much of the stage is done. Raises JobCancelledError: between two steps a job can be stopped."""
        self.check()
        self.done, self.total = done, total
        if self._rate is not None:
            self._rate.reach(done)
        self._changed()

    def check(self) -> None:
        """Raises JobCancelledError once the job was cancelled."""
        if self._cancelled:
            raise JobCancelledError(f"The job {self.id} was cancelled.")

    def commit(self) -> None:
        """What follows is done whole: the job cannot be cancelled any more. Raises JobCancelledError."""
        with self._lock:
            self.check()
            self._committed = True

    # --- for others
    @property
    def has_ended(self) -> bool:
        return self.state in ENDED

    @property
    def seconds_left(self) -> float | None:
        """Of a running job; None where it was not measured."""
        return self._rate.left(self.total) if self._rate is not None and not self.has_ended else None

    # --- for the queue
    def ask_to_stop(self) -> bool:
        """False where it is too late."""
        with self._lock:
            if self._committed or self.has_ended:
                return False
            self._cancelled = True
            self.detail = CANCELLED
        self._changed()
        return True

    def start(self) -> None:
        self.state, self.started, self.began = "running", _now(), time.monotonic()

    def end(self, state: State, detail: str) -> None:
        self.state, self.ended, self.detail = state, _now(), detail


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
