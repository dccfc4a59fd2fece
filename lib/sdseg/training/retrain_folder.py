"""The folder of a training on: what lies where, whose state it is, and that one process alone works in it."""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from sdseg.durable import replacing
from sdseg.errors import InputError
from sdseg.training.checkpoint import Checkpoints


class RetrainFolder:
    """`weights`, the result; `adapter`, where one was trained; `log.jsonl`; `checkpoints`, while it is unfinished;
    `training.json`, of which weights, settings and examples it is.

    Args:
        path: of the folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.weights = path / "weights"
        self.adapter = path / "adapter"
        self.log = path / "log.jsonl"
        self.checkpoints = path / "checkpoints"
        self._identity = path / "training.json"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other processes out; the lock ends with this one, however it ends. InputError: one is at work here."""
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / ".lock").open("wb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InputError(
                    f"Another training works in {self.path}: wait for it, or choose another folder."
                ) from None
            yield

    def check_free(self, resume: bool) -> None:
        """Raise InputError where there is a result already and none is to be resumed."""
        if self.weights.exists() and not resume:
            raise InputError(f"{self.weights} exists already; choose another output folder.")

    def claim(self, identity: Mapping[str, Any], stage: str, resume: bool, replace: bool = False) -> float | None:
        """Make the folder this training's; remove the state of another, or of this one if it is not to be resumed.

        Args:
            identity: what the training is of, plain values.
            stage: whose checkpoints are looked for.
            resume: go on from what is there.
            replace: the result of another training may go.

        Returns:
            Seconds the training took so far; None where it begins.

        Raises:
            InputError: the folder holds the result of another training, which may not go.
        """
        mine = json.dumps(identity, sort_keys=True)
        same = resume and self._identity.is_file() and self._identity.read_text() == mine
        if replace and not same:
            shutil.rmtree(self.weights, ignore_errors=True)
        if self.weights.exists() and not same:
            raise InputError(f"{self.path} holds the result of another training: choose another output folder.")
        self._remove_halves()
        if same and (self.weights.exists() or (spent := self._spent(stage)) is not None):
            return 0.0 if self.weights.exists() else spent
        shutil.rmtree(self.checkpoints, ignore_errors=True)
        shutil.rmtree(self.adapter, ignore_errors=True)
        self.log.unlink(missing_ok=True)
        with replacing(self._identity) as stream:
            stream.write(mine.encode())
        return None

    def clean(self) -> None:
        """Remove what only an unfinished training needs."""
        shutil.rmtree(self.checkpoints, ignore_errors=True)

    def _spent(self, stage: str) -> float | None:
        try:
            state = Checkpoints(self.checkpoints, stage).newest(torch.device("cpu"))
        except InputError:
            return None  # damaged: it begins anew
        return None if state is None else float(state.numbers["journal"]["seconds"])

    def _remove_halves(self) -> None:
        """What a process that was killed had half written."""
        for folder in (self.path, self.checkpoints):
            for half in folder.glob(".*.part"):
                shutil.rmtree(half) if half.is_dir() else half.unlink()
