"""`sdseg train --from-datastore`: training on from what annotators corrected on a server, without the server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from sdseg.cli.console import progress_bar
from sdseg.cli.open_registry import open_registry
from sdseg.errors import InputError

if TYPE_CHECKING:
    from sdseg.training.retrain_config import RetrainConfig, Watch

CHAMPION = "champion"


@dataclass(frozen=True)
class DatastoreTraining:
    """What the command line says of it.

    Attributes:
        model_dir: of the server.
        studies: its archive or folder; None for the one that it noted.
        start: weights folder, or "champion": what the server serves.
        model: name of the served model.
        output: folder for the result.
    """

    model_dir: Path
    studies: str | None
    start: str
    model: str
    output: Path

    def run(self, config: RetrainConfig, asked_to_stop: Callable[[], bool]) -> None:
        """Train, with a bar, and print the weights folder."""
        from sdseg.corrections.offline import material_of
        from sdseg.model.card import ModelCard
        from sdseg.training.retrain import retrain

        weights = self._weights()
        labels = ModelCard.load(weights).labels
        material = material_of(self.model_dir, self.studies, labels)
        with progress_bar("training") as update:
            notes = {"train": "", "validate": ""}

            def show(stage: str, step: int, steps: int, losses: dict[str, float]) -> None:
                notes["train"] = "  ".join(f"{name} {value:.4f}" for name, value in losses.items())

            def move(stage: str, done: int, total: int) -> None:
                update(done, total or None, f"{stage}  {notes.get(stage, '')}")

            result = retrain(weights, material, self.output, config, show, _stopping(move, asked_to_stop))
        dice = {when: f"{value:.4f}" for when, value in result.val_dice.items() if value is not None}
        told = "".join(f", Dice {when} {value}" for when, value in dice.items())
        typer.echo(f"{result.steps} steps, ended by: {result.stopped}{told}", err=True)
        adapter = self.output / "adapter"
        if adapter.is_dir():
            typer.echo(f"adapter={adapter}")
        typer.echo(f"weights={result.weights}")

    def _weights(self) -> Path:
        if self.start != CHAMPION:
            return Path(self.start)
        return open_registry(self.model_dir, self.model).healthy()


def _stopping(watch: Watch, asked: Callable[[], bool]) -> Watch:
    """The same, and it ends the training when that is asked for."""
    from sdseg.training.loop import TrainingStopped

    def look(stage: Any, done: int, total: int) -> None:
        watch(stage, done, total)
        if asked():
            raise TrainingStopped("Stopped; its state is kept, so go on with --resume.")

    return look


def refuse_others(given: dict[str, Any], mode: str) -> None:
    """Raise InputError naming the first option that was given and says nothing in this mode."""
    odd = next((name for name, value in given.items() if value not in (None, False, 0)), None)
    if odd is not None:
        raise InputError(f"{odd} goes with {mode} alone; leave it out.")
