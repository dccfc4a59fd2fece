"""How long the rest will take, from what was measured and from nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable


class Rate:
    """Progress of one stage that is counted.

    The first step warms up (memory, kernels), so from the second on its time is left out.

    Args:
        clock: seconds, rising.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._start = clock()
        self._marks: list[tuple[float, int]] = []  # the first and the last

    def reach(self, done: int) -> None:
        """`done` steps are done now."""
        mark = (self._clock(), done)
        self._marks = [self._marks[0], mark] if self._marks else [mark]

    def pause(self, seconds: float) -> None:
        """So long nothing could go on: it is not counted."""
        self._start += seconds
        self._marks = [(at + seconds, done) for at, done in self._marks]

    def left(self, total: int) -> float | None:
        """Seconds until `total`, never negative; None before anything was measured."""
        if not self._marks or self._marks[-1][1] <= 0:
            return None
        last, done = self._marks[-1]
        since, before = self._marks[0] if done > self._marks[0][1] else (self._start, 0)
        seconds_each = (last - since) / (done - before)
        return max(0.0, seconds_each * (total - done) - (self._clock() - last))
