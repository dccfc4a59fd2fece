"""Threads that do one step after another until they are told to stop."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from sqlalchemy.exc import OperationalError

log = logging.getLogger(__name__)
DISK_PAUSE_SECONDS = 5.0


class LoopThread(threading.Thread):
    """A thread of the node's own: what ends it is a bug, while a stranger can end one of pynetdicom's."""


class Loop:
    """Calls `step` again and again: at once while it returns True, else after `pause` seconds.

    A disk that is full or broken is waited out. Any other exception is a bug: it ends the thread, and
    `threading.excepthook` tells the node, which stops rather than run half dead.

    Args:
        name: of the thread.
        step: one piece of work; True where there may be more.
        pause: seconds between two looks.
        stopping: ends the loop.
    """

    def __init__(self, name: str, step: Callable[[], bool], pause: float, stopping: threading.Event) -> None:
        self._step, self._pause, self._stopping = step, pause, stopping
        self.name = name
        self._thread = LoopThread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def join(self, seconds: float) -> bool:
        """Wait for the end; whether it came."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                more = self._step()
            except (OSError, OperationalError) as error:
                reason = str(error.orig) if isinstance(error, OperationalError) else str(error.strerror or error)
                log.error("disk trouble", extra={"loop": self._thread.name, "why": reason})
                self._stopping.wait(DISK_PAUSE_SECONDS)
                continue
            if not more:
                self._stopping.wait(self._pause)
