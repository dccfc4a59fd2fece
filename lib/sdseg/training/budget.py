"""A training that has to end in time, on a machine that others use too."""

from __future__ import annotations

import math
import time
from collections import deque

_WINDOW = 20  # steps by which the speed is judged
_LAST = 5
_LEAST_KEPT = 0.02  # of the time, for what nobody measured


class Budget:
    """So much time for preparing, training, validating and saving, counted from now.

    Args:
        minutes: in all; None: no limit.
    """

    def __init__(self, minutes: float | None) -> None:
        self._seconds = math.inf if minutes is None else minutes * 60
        self._start = self._since = time.monotonic()
        self._kept: dict[str, float] = {}
        self._moments: deque[float] = deque(maxlen=_WINDOW + 1)
        self._steps: deque[float] = deque(maxlen=_LAST)
        self.ended = False

    @property
    def is_limited(self) -> bool:
        return math.isfinite(self._seconds)

    def spend(self, seconds: float) -> None:
        """So much was used before, by a process that was interrupted."""
        self._start -= seconds

    def keep(self, what: str, seconds: float) -> None:
        """Reserve time for something that follows the last step, and has just been done between two."""
        self._kept[what] = seconds
        self._since = time.monotonic()

    def left(self, part: float = 1.0) -> float:
        """Seconds until `part` of the time is used up, what is kept left out; below 0 when it is over."""
        kept = max(sum(self._kept.values()), _LEAST_KEPT * self._seconds) if self.is_limited else 0.0
        return part * self._seconds - kept - (time.monotonic() - self._start)

    def begin(self) -> None:
        """The first step follows: what went before tells nothing of its speed."""
        self._since = time.monotonic()

    def pace(self, step: int, steps: int) -> int:
        """How many steps there will be, judged by the last ones; `step`, if another would take too long.

        Args:
            step: how many are done.
            steps: the most there may be.
        """
        if not self.is_limited or step >= steps:
            return steps
        now = time.monotonic()
        self._moments.append(now)
        self._steps.append(now - self._since)  # with the wait for others, without a validation
        self._since = now
        left = self.left()
        if left < max(self._steps):
            self.ended = True
            return step
        if len(self._moments) < 2:
            return steps
        each = (self._moments[-1] - self._moments[0]) / (len(self._moments) - 1)
        return min(steps, step + max(1, int(left / each)))
