"""The folder of a simulation: every finished round at once, so that one that was killed goes on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from sdseg.durable import replacing
from sdseg.errors import InputError
from sdseg.model.card import ModelCard
from sdseg.model.pipeline import SDSegPipeline
from sdseg.model.weights import load_weights, save_weights
from sdseg.simulation.records import FIRST, Round


class Book:
    """`plan.json`, what it was begun with; `rounds/seed-N/STRATEGY-R.json`; `models`, those needed to go on.

    Args:
        folder: made where it does not exist.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.autoencoder = folder / "autoencoder"
        self._plan = folder / "plan.json"

    def claim(self, facts: dict[str, Any]) -> None:
        """Make the folder this simulation's, or check that it is.

        Raises:
            InputError: it holds another one, or something else; the message names what differs.
        """
        facts = json.loads(json.dumps(facts, default=str))
        if not self._plan.exists():
            if self.folder.exists() and any(self.folder.iterdir()):
                raise InputError(f"{self.folder} holds something else than a simulation: choose another folder.")
            self.folder.mkdir(parents=True, exist_ok=True)
            self._write(self._plan, facts)
            return
        begun = self.facts()
        differs = sorted(name for name in begun.keys() | facts.keys() if begun.get(name) != facts.get(name))
        if differs:
            raise InputError(
                f"{self.folder} holds a simulation with another {', '.join(differs)}: choose another folder."
            )

    def facts(self) -> dict[str, Any]:
        """What `claim` wrote.

        Raises:
            InputError: there is no simulation, or the file is damaged.
        """
        if not self._plan.exists():
            raise InputError(f"{self.folder} holds no simulation: give the folder of one.")
        return dict(self._read(self._plan))

    def write(self, done: Round, pipeline: SDSegPipeline, card: ModelCard) -> None:
        """Keep a round: first its model, then the record, which says that all is there."""
        target = self._model(done.seed, done.strategy, done.number)
        shutil.rmtree(target, ignore_errors=True)  # of a round that was interrupted before its record
        save_weights(pipeline, card, target, torch.float32)
        self._write(self._record(done.seed, done.strategy, done.number), done.to_dict())
        if done.strategy != FIRST:
            shutil.rmtree(self._model(done.seed, done.strategy, done.number - 1), ignore_errors=True)

    def read(self, seed: int, strategy: str, number: int) -> Round | None:
        """A finished round; None where it is not done yet."""
        path = self._record(seed, strategy, number)
        return self._round(path) if path.exists() else None

    def model(self, done: Round, device: str) -> SDSegPipeline:
        """The model after a round, to be trained on.

        Raises:
            WeightsError: it is no longer there, since a later round is done, or damaged.
        """
        return load_weights(self._model(done.seed, done.strategy, done.number), device, kind=SDSegPipeline)

    def rounds(self) -> Iterator[Round]:
        """All that are done, by seed, strategy and number."""
        for path in sorted((self.folder / "rounds").glob("seed-*/*.json")):
            yield self._round(path)

    def _record(self, seed: int, strategy: str, number: int) -> Path:
        return self.folder / "rounds" / f"seed-{seed}" / f"{strategy}-{number:03d}.json"

    def _model(self, seed: int, strategy: str, number: int) -> Path:
        return self.folder / "models" / f"seed-{seed}" / f"{strategy}-{number:03d}"

    def _round(self, path: Path) -> Round:
        try:
            return Round.from_dict(self._read(path))
        except (KeyError, TypeError):
            raise InputError(f"{path} is no record of a round: remove it, and the round is played again.") from None

    @staticmethod
    def _read(path: Path) -> Any:
        try:
            return json.loads(path.read_text())
        except ValueError:
            raise InputError(f"{path} is damaged: remove it, and what it tells is done again.") from None

    @staticmethod
    def _write(path: Path, values: dict[str, Any]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as stream:
            stream.write((json.dumps(values, indent=1) + "\n").encode())
