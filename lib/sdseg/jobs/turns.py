"""Two processes on one device take turns: whoever answers a person goes first.

A foreground process (an inference that somebody waits for) says that it wants the device by a shared lock on one file,
and takes it by an exclusive lock on another. A background process (a training) holds the device from one of its steps
to the next and, where somebody wants it, lets go between two. The locks are flock(2)'s: the kernel frees those of a
process that was killed.
"""

from __future__ import annotations

import fcntl
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

_MOMENT = 0.01  # seconds in which a process that waits is woken


class DeviceTurns:
    """The turns on one device.

    Args:
        folder: for the two lock files; the same for all who share the device.
        device: its name.
    """

    def __init__(self, folder: Path, device: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        name = re.sub(r"\W", "-", device)
        self._wanted, self._taken = folder / f"{name}.wanted", folder / f"{name}.taken"
        self._alone = threading.Lock()  # one foreground thread of this process at a time

    @contextmanager
    def foreground(self) -> Iterator[ForegroundTurn]:
        """Hold the device; waits at most for one step of a background process, and for others in the foreground."""
        with self._alone, self._wanted.open("ab") as wanted, self._taken.open("ab") as taken:
            turn = ForegroundTurn(wanted, taken)
            turn.take()
            yield turn  # closing the files frees both

    @contextmanager
    def background(self) -> Iterator[BackgroundTurn]:
        """The device is held from the first call of `give_way`, which also asks between two steps who wants it."""
        with self._wanted.open("ab") as wanted, self._taken.open("ab") as taken:
            yield BackgroundTurn(wanted, taken)

    @contextmanager
    def idle(self) -> Iterator[IdleTurn]:
        """For work that nobody waits for: everybody else goes first, the background too."""
        with self._wanted.open("ab") as wanted, self._taken.open("ab") as taken:
            yield IdleTurn(wanted, taken)


class ForegroundTurn:
    """Held by a foreground process; see `DeviceTurns`."""

    def __init__(self, wanted: BinaryIO, taken: BinaryIO) -> None:
        self._wanted = wanted
        self._taken = taken

    def take(self) -> None:
        fcntl.flock(self._wanted, fcntl.LOCK_SH)
        fcntl.flock(self._taken, fcntl.LOCK_EX)

    def share(self) -> None:
        """Let another process that waits have the device first: for work of many steps that nobody waits for."""
        fcntl.flock(self._taken, fcntl.LOCK_UN)
        fcntl.flock(self._wanted, fcntl.LOCK_UN)
        time.sleep(_MOMENT)  # the kernel is not fair: who lets go and asks at once would get it again
        self.take()


class BackgroundTurn:
    """Held by a background process; see `DeviceTurns`."""

    def __init__(self, wanted: BinaryIO, taken: BinaryIO) -> None:
        self._wanted = wanted
        self._taken = taken
        self._holds = False

    def give_way(self, waiting: Callable[[], None] = lambda: None) -> float:
        """Let others have the device if they want it, and take it again: seconds that took, 0.0 if nobody did.

        Call it between two steps, and before the first. `waiting` is called before it waits.
        """
        start = None
        while not (self._is_unwanted() and self._take()):
            start = start or time.monotonic()
            self.let_go()
            waiting()
            fcntl.flock(self._wanted, fcntl.LOCK_EX)  # when nobody wants it any more
            fcntl.flock(self._wanted, fcntl.LOCK_UN)
            fcntl.flock(self._taken, fcntl.LOCK_EX)
            self._holds = True
        return time.monotonic() - start if start is not None else 0.0

    def let_go(self) -> None:
        """What follows does not need the device."""
        fcntl.flock(self._taken, fcntl.LOCK_UN)
        self._holds = False

    def _is_unwanted(self) -> bool:
        return _is_free(self._wanted)

    def _take(self) -> bool:
        self._holds = self._holds or _try(self._taken)
        return self._holds


class IdleTurn:
    """Held for one step; see `DeviceTurns`."""

    def __init__(self, wanted: BinaryIO, taken: BinaryIO) -> None:
        self._wanted = wanted
        self._taken = taken

    def take(self) -> bool:
        """Never waits: False while anybody else wants the device or has it."""
        return _is_free(self._wanted) and _try(self._taken)

    def let_go(self) -> None:
        """After each step, and for a moment: who waits gets it then."""
        fcntl.flock(self._taken, fcntl.LOCK_UN)


def _is_free(file: BinaryIO) -> bool:
    free = _try(file)
    if free:
        fcntl.flock(file, fcntl.LOCK_UN)
    return free


def _try(file: BinaryIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
