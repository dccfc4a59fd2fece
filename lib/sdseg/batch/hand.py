"""What a worker is to the one who hands out work: a process or an actor somewhere that can die."""

from __future__ import annotations

from typing import Protocol

from sdseg.batch.job import Job, Outcome
from sdseg.errors import SdsegError


class WorkerDiedError(Exception):
    """A worker ended, was killed or did not answer in time; what it had in hand may be given to another."""


class ClosedError(Exception):
    """The pool was closed: nothing is to be done any more."""


class NoWorkersError(SdsegError):
    """No worker is left, and none could be started."""


class Hand(Protocol):
    """One worker with its models loaded, which does one job at a time."""

    def start(self) -> None:
        """Bring it to life, anew after its death, and wait until its model is loaded.

        Raises:
            WorkerDiedError: it did not come.
            SdsegError: it cannot be, however often it is tried: weights, device, packages.
        """
        ...

    def do(self, job: Job) -> Outcome:
        """Raises WorkerDiedError."""
        ...

    def kill(self) -> None:
        """End it at once, from whichever thread: a `do` or `start` under way raises WorkerDiedError."""
        ...
