"""Which inferences share a device, and how they take turns on it with the background tasks."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from sdseg.jobs.turns import DeviceTurns

Share = Callable[[], None]
"""Called between two steps of a model."""


class Idle(Protocol):
    """See `IdleTurn`."""

    def take(self) -> bool: ...
    def let_go(self) -> None: ...


def lane_of(device: str) -> str:
    """One name for one device: cuda is the first GPU."""
    return "cuda:0" if device == "cuda" else device


class Devices:
    """The devices of this machine.

    Args:
        folder: for the lock files; the same for the server and its background tasks.
        turns: whether a training waits while a model runs here.
        somebody_waits: whether this process answers people; a background task lets them go first, slice by slice.
    """

    def __init__(self, folder: Path, turns: bool, somebody_waits: bool) -> None:
        self._folder = folder
        self._turns = turns
        self._somebody_waits = somebody_waits
        self._lock = threading.Lock()
        self._known: dict[str, DeviceTurns] = {}
        self._alone: dict[str, threading.Lock] = {}

    @contextmanager
    def inference(self, device: str) -> Iterator[Share]:
        """Hold a device for one model: two at once would need twice the memory and take as long."""
        with self._alone_on(device):
            if not self._turns:
                yield _go_on
                return
            with self.turns(device).foreground() as turn:
                yield _go_on if self._somebody_waits else turn.share

    @contextmanager
    def idle(self, device: str) -> Iterator[Idle]:
        """For work that nobody waits for: it holds the device from `take` to `let_go`, for one step at a time."""
        if self._turns:
            with self.turns(device).idle() as turn:
                yield turn
            return
        turn_here = _IdleHere(self._alone_on(device))
        try:
            yield turn_here
        finally:
            turn_here.let_go()

    def turns(self, device: str) -> DeviceTurns:
        name = lane_of(device)
        with self._lock:
            if name not in self._known:
                self._known[name] = DeviceTurns(self._folder, name)
            return self._known[name]

    def _alone_on(self, device: str) -> threading.Lock:
        with self._lock:
            return self._alone.setdefault(lane_of(device), threading.Lock())


class _IdleHere:
    """Where trainings take no turns, the inferences of this process still go first."""

    def __init__(self, alone: threading.Lock) -> None:
        self._alone = alone
        self._holds = False

    def take(self) -> bool:
        self._holds = self._alone.acquire(blocking=False)
        return self._holds

    def let_go(self) -> None:
        if self._holds:
            self._alone.release()
        self._holds = False


def _go_on() -> None:
    pass
