"""Folders of trainings below a model's: one a run, with its log, and its state as long as it is not finished."""

import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sdseg.durable import replacing

_RUNS = "runs"
_ENDED = "ended"
_KEPT = frozenset({"log.jsonl", _ENDED})


@dataclass(frozen=True)
class Run:
    """One training, over all its lives.

    Attributes:
        models_dir: of the model.
        place: of its folder, relative to `models_dir`.
        interrupted: it was begun before, and did not come to its end.
    """

    models_dir: Path
    place: Path
    interrupted: bool = False

    @property
    def folder(self) -> Path:
        return self.models_dir / self.place

    def end(self) -> None:
        """It came to its end: of its folder the log is left. Raises OSError."""
        with replacing(self.folder / _ENDED):
            pass
        _tidy(self.folder)


def open_run(models_dir: Path, name: str, resume: bool) -> Run:
    """The run of this name that was interrupted last, or a new one; then the states of the others are removed.

    `name` must have been checked. Raises OSError.
    """
    family = models_dir / _RUNS / name
    family.mkdir(parents=True, exist_ok=True)
    *older, last = [None, *sorted(path for path in family.iterdir() if path.is_dir())]
    going_on = resume and last is not None and not (last / _ENDED).exists()
    for folder in older if going_on else [*older, last]:
        if folder is not None:
            _tidy(folder)
    if last is not None and going_on:
        return Run(models_dir, last.relative_to(models_dir), interrupted=True)
    folder = family / datetime.now().strftime("%Y%m%d-%H%M%S-%f")
    folder.mkdir()
    return Run(models_dir, folder.relative_to(models_dir))


def _tidy(folder: Path) -> None:
    for path in folder.iterdir():
        if path.name in _KEPT:
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
