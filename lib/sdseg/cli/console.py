"""Progress bars and common options of the commands."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

console = Console(stderr=True)

REPOSITORY = Path(__file__).resolve().parents[3]
SAMPLE_WEIGHTS = REPOSITORY / "sample-data" / "weights" / "brain-small"


def quieten_libraries() -> None:
    """Keep the chatter of imported libraries off the screen; their warnings are for developers."""
    if os.environ.get("SDSEG_DEBUG"):
        return
    warnings.filterwarnings("ignore")
    logging.getLogger().setLevel(logging.ERROR)


class Update(Protocol):
    """Moves a progress bar; a total of None is not known yet."""

    def __call__(self, done: int, total: int | None, note: str = "") -> None: ...


class StageBar:
    """A bar that names the stages of an inference as the server does: load, model, restore, file."""

    def __init__(self, update: Update) -> None:
        self._update = update
        self._stage = ""

    def enter(self, stage: str) -> None:
        self._stage = stage
        self._update(0, None, stage)

    def progress(self, done: int, total: int) -> None:
        self._update(done, total, self._stage)


@contextmanager
def progress_bar(title: str) -> Iterator[Update]:
    """A bar on stderr; call what it yields with (done, total)."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=False) as bar:
        task = bar.add_task(title, total=None, note="")

        def update(done: int, total: int | None, note: str = "") -> None:
            bar.update(task, completed=done, total=total, note=note)

        yield update
