"""Routers that send studies side by side, no faster than results come."""

import random
import threading
from collections.abc import Callable
from types import TracebackType

from faults.world import DIRECT, GATED, REACHES, WEB, World
from sdseg.demo.router import Router
from sdseg.demo.verdict import Expected

UNDER_WAY = 20
"""Studies that are sent and not settled, at most: so that reception goes on while the node is killed."""
_ABORTED = 0.1
"""Share of first associations that break off in the middle."""


def is_broken(number: int) -> bool:
    """Whether this study has lost a slice and cannot become a SEG: one in twenty."""
    return number % 20 == 19


class Traffic:
    """Sends studies 0 … count-1 from threads of its own; use it as a context manager.

    Every twentieth has lost its middle slice: it cannot become a SEG. A tenth is interrupted and sent again.

    Args:
        world: where.
        count: of studies.
        draws: chance.
        settled: how many of those sent have come to their end.
    """

    def __init__(self, world: World, count: int, draws: random.Random, settled: Callable[[], int]) -> None:
        self.count = count
        self.sent: list[Expected] = []
        self.associations = 0
        self._world = world
        self._settled = settled
        self._aborts = {number for number in range(count) if draws.random() < _ABORTED}
        self._router = Router(world.peer)
        self._numbers = iter(range(count))
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._send_all, name=f"router {index}") for index in range(3)]

    def __enter__(self) -> "Traffic":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._router.end()
        for thread in self._threads:
            thread.join()

    @property
    def is_over(self) -> bool:
        """Whether every study was sent and acknowledged, or a router gave up."""
        return not any(thread.is_alive() for thread in self._threads)

    def end(self) -> None:
        """Begin no further study."""
        self._ended.set()

    def _send_all(self) -> None:
        while not self._ended.is_set():
            if len(self.sent) - self._settled() >= UNDER_WAY:
                self._ended.wait(0.1)
                continue
            with self._lock:
                number = next(self._numbers, None)
            if number is None:
                return
            self._send(number)

    def _send(self, number: int) -> None:
        description = (DIRECT, GATED, WEB, GATED)[number % 4]
        broken = is_broken(number)
        study = self._world.studies.make(number, description, missing=1 if broken else None)
        tries = self._router.send(study, abort_after=1 if number in self._aborts else None)
        with self._lock:
            self.associations += tries
            if tries:
                self.sent.append(Expected(study, frozenset() if broken else REACHES[description]))
