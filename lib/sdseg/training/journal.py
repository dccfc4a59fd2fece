"""The log of a run: one JSON line every few steps, shipped with the weights."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

Progress = Callable[[str, int, int, dict[str, float]], None]


class Journal:
    """Averages losses over `every` steps and appends them to a file and to a progress callback.

    Args:
        path: of the JSON-lines file.
        progress: called as (stage, step, steps, mean losses) each time a line is written, or None.
        every: steps a line.
    """

    def __init__(self, path: Path, progress: Progress | None = None, every: int = 25) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._progress = progress
        self._every = every
        self._sums: dict[str, float] = defaultdict(float)
        self._count = 0
        self._start = time.monotonic()

    def record(self, stage: str, step: int, losses: dict[str, float], of: int) -> None:
        """Note the losses of step `step` (counted from 1) of `of`."""
        self._count += 1
        for name, value in losses.items():
            self._sums[name] += value
        if step % self._every and step != of:
            return
        means = {name: round(total / self._count, 5) for name, total in self._sums.items()}
        seconds = round(time.monotonic() - self._start, 1)
        with self._path.open("a") as log:
            log.write(json.dumps({"stage": stage, "step": step, "seconds": seconds, **means}) + "\n")
        if self._progress:
            self._progress(stage, step, of, means)
        self._sums.clear()
        self._count = 0
