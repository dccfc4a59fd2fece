"""Which inferences share a device, and how they take turns on it with the background tasks."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sdseg.jobs.turns import DeviceTurns

Share = Callable[[], None]
"""Called between two steps of a model."""


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
        name = lane_of(device)
        with self._lock:
            alone = self._alone.setdefault(name, threading.Lock())
        with alone:
            if not self._turns:
                yield _go_on
                return
            with self.turns(name).foreground() as turn:
                yield _go_on if self._somebody_waits else turn.share

    def turns(self, device: str) -> DeviceTurns:
        name = lane_of(device)
        with self._lock:
            if name not in self._known:
                self._known[name] = DeviceTurns(self._folder, name)
            return self._known[name]


def _go_on() -> None:
    pass
