"""The log of a run: one JSON line every few steps, shipped with the weights; the same for TensorBoard."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.utils.tensorboard import SummaryWriter

from sdseg.durable import replacing
from sdseg.errors import SdsegError

Progress = Callable[[str, int, int, dict[str, float]], None]


class Journal:
    """Averages losses over `every` steps and tells a file, TensorBoard and a progress callback.

    Args:
        path: of the JSON-lines file; None to write nothing.
        progress: called as (stage, step, steps, mean losses) each time a line is written, or None.
        every: steps a line.
        tensorboard: folder of its event files, or None.
    """

    def __init__(
        self, path: Path | None, progress: Progress | None = None, every: int = 25, tensorboard: Path | None = None
    ) -> None:
        self._path = path
        self._progress = progress
        self._every = every
        self._tensorboard = tensorboard
        self._boards: dict[str, SummaryWriter] = {}  # one a stage: a resumed stage takes back its own later steps
        self._sums: dict[str, torch.Tensor] = {}
        self._count = 0
        self._start = time.monotonic()
        self._before = 0.0  # seconds of the run before it was resumed
        self._began: dict[str, float] = {}  # seconds of the run when a stage began
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)

    def record(self, stage: str, step: int, losses: dict[str, torch.Tensor], of: int) -> None:
        """Note the losses of step `step` (counted from 1) of `of`; they stay on their device until a line is due.

        Raises:
            SdsegError: a loss is not finite.
        """
        self._count += 1
        for name, value in losses.items():
            self._sums[name] = self._sums[name] + value if name in self._sums else value.float()
        if step % self._every and step != of:
            return
        means = {name: round(self._finite(total / self._count, name), 5) for name, total in self._sums.items()}
        self._sums.clear()
        self._count = 0
        self.note(stage, step, means)
        if self._progress:
            self._progress(stage, step, of, means)

    def note(self, stage: str, step: int, figures: dict[str, Any]) -> None:
        """Write one line at once."""
        if self._path:
            line = json.dumps({"stage": stage, "step": step, "seconds": round(self.seconds, 1), **figures})
            with self._path.open("a") as log:
                log.write(line + "\n")
        if board := self._board(stage):
            for name, value in figures.items():
                board.add_scalar(name, value, step)

    def show(self, stage: str, step: int, picture: Any) -> None:
        """Hand TensorBoard a picture, (rows, columns, 3) uint8."""
        if board := self._board(stage):
            board.add_image("validation", picture, step, dataformats="HWC")

    def begin(self, stage: str) -> None:
        """A stage begins."""
        self._began[stage] = self.seconds

    def stage_seconds(self, stage: str) -> float:
        """Since a stage began, pauses left out."""
        return self.seconds - self._began[stage]

    @property
    def seconds(self) -> float:
        """Since the run began, pauses left out."""
        return self._before + time.monotonic() - self._start

    def state(self) -> dict[str, Any]:
        """The unfinished averages, for a checkpoint. Raises SdsegError where one is not finite."""
        sums = {name: self._finite(value, name) for name, value in self._sums.items()}
        return {"sums": sums, "count": self._count, "seconds": self.seconds, "began": self._began}

    def restore(self, stage: str, step: int, state: dict[str, Any]) -> None:
        """Go on after `step`: later lines of the stage are dropped from the file."""
        self._sums = {name: torch.tensor(value, dtype=torch.float32) for name, value in state["sums"].items()}
        self._count = state["count"]
        self._before = state["seconds"]
        self._began = dict(state["began"])
        self._start = time.monotonic()
        self._board(stage, purge_step=step + 1)
        if self._path and self._path.exists():
            lines = [line for line in self._path.read_text().splitlines() if _kept(line, stage, step)]
            with replacing(self._path) as stream:
                stream.write("".join(f"{line}\n" for line in lines).encode())

    def close(self) -> None:
        """Write out TensorBoard's files."""
        for board in self._boards.values():
            board.close()

    def _board(self, stage: str, purge_step: int | None = None) -> SummaryWriter | None:
        if self._tensorboard and stage not in self._boards:
            self._boards[stage] = SummaryWriter(str(self._tensorboard / stage), purge_step=purge_step)
        return self._boards.get(stage)

    @staticmethod
    def _finite(value: torch.Tensor, name: str) -> float:
        number = value.item()
        if number - number != 0:
            raise SdsegError(f"The training loss ({name}) became {number}: lower the learning rate or train in fp32.")
        return float(number)


def _kept(line: str, stage: str, step: int) -> bool:
    try:
        entry = json.loads(line)
    except ValueError:
        return False  # cut off when the run was killed
    return entry["stage"] != stage or entry["step"] <= step
