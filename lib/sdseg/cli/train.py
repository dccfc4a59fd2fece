"""`sdseg train`: a weights folder from labelled images."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sdseg.cli.console import Update, progress_bar, quieten_libraries
from sdseg.cli.train_datastore import DatastoreTraining, refuse_others
from sdseg.errors import InputError

if TYPE_CHECKING:
    from sdseg.training.config import TrainingConfig
    from sdseg.training.retrain_config import RetrainConfig
    from sdseg.training.run import RunOptions

_LABELS = "With --from-datastore"


def train(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for log and weights.")],
    config: Annotated[
        str | None, typer.Option("--config", "-c", help="Training configuration: a YAML file, or the name of a preset.")
    ] = None,
    from_datastore: Annotated[
        Path | None,
        typer.Option(metavar="MODEL_DIR", help="Instead: train on from the labels a server keeps in its model_dir."),
    ] = None,
    studies: Annotated[
        str | None, typer.Option(help="Its archive or folder; default the one it noted.", rich_help_panel=_LABELS)
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(help="Use at most so many, all included.", rich_help_panel=_LABELS)
    ] = None,
    adapters: Annotated[
        str | None, typer.Option(help="none, or lora: low-rank adapters, a few MB.", rich_help_panel=_LABELS)
    ] = None,
    rank: Annotated[int | None, typer.Option(help="Of the adapters; default 8.", rich_help_panel=_LABELS)] = None,
    max_epochs: Annotated[
        int | None, typer.Option(help="Passes over the new slices; default 50.", rich_help_panel=_LABELS)
    ] = None,
    max_steps: Annotated[int | None, typer.Option(help="Steps at most.", rich_help_panel=_LABELS)] = None,
    batch_size: Annotated[int | None, typer.Option(help="Slices a step.", rich_help_panel=_LABELS)] = None,
    learning_rate: Annotated[
        float | None, typer.Option(help="Of the optimiser; default 1e-4, of adapters 1e-3.", rich_help_panel=_LABELS)
    ] = None,
    val_split: Annotated[
        float | None,
        typer.Option(help="Part of the training's patients that stops it early; default 0.2.", rich_help_panel=_LABELS),
    ] = None,
    root: Annotated[Path | None, typer.Option(help="Folder of the configuration's data set.")] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="Train this rival on the same data instead, e.g. basic_unet; see docs/rivals.md. "
            "Of a server: the served model whose champion is meant, default sdseg."
        ),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            help="Start from this weights folder, e.g. one of 'sdseg weights import'. "
            "Of a server also 'champion': what it serves."
        ),
    ] = None,
    autoencoder: Annotated[
        Path | None, typer.Option(help="Use this diffusers AutoencoderKL folder instead of training one.")
    ] = None,
    stage: Annotated[str | None, typer.Option(help="'all', or 'autoencoder' to stop after the first stage.")] = None,
    snapshot_every: Annotated[
        int, typer.Option(min=0, help="Save the weights every so many steps of the second stage; 0: only at the end.")
    ] = 0,
    seed: Annotated[int | None, typer.Option(help="Instead of the configuration's.")] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda or cuda:N.")] = "cpu",
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where the run in OUTPUT stopped, or begin if there is none.")
    ] = False,
) -> None:
    """Train a model: first a small KL autoencoder, then, with that frozen, U-Net and vision encoder.

    The configuration names data, labels, sizes and stages; docs/training.md lists the presets, one a data set.
    The result is [bold]OUTPUT/weights[/bold], a diffusers folder that `sdseg segment --weights` takes.
    On many GPUs or machines: `torchrun --nproc-per-node N -m sdseg.cli.main train …`.

    Or train a model on from what annotators corrected on a server, which may run meanwhile:
    `sdseg train --from-datastore MODEL_DIR --start champion -o OUTPUT --minutes 20`.
    """
    quieten_libraries()
    if (config is None) == (from_datastore is None):
        raise InputError("Give one of --config, a training from its beginning, and --from-datastore, from corrections.")
    others: dict[str, Any]
    if from_datastore is not None:
        others = {"--root": root, "--autoencoder": autoencoder, "--stage": stage, "--snapshot-every": snapshot_every}
        refuse_others(others, "--config")
        if start is None:
            raise InputError("Name the weights to train on with --start: a folder, or 'champion' for what is served.")
        wishes = {
            "minutes": minutes, "adapters": adapters, "rank": rank, "max_epochs": max_epochs, "max_steps": max_steps,
            "batch_size": batch_size, "learning_rate": learning_rate, "val_split": val_split, "seed": seed,
        }  # fmt: skip
        training = DatastoreTraining(from_datastore, studies, start, model or "sdseg", output)
        training.run(_retraining(wishes, device, resume), asked_to_stop())
        return
    others = {
        "--studies": studies, "--minutes": minutes, "--adapters": adapters, "--rank": rank, "--max-epochs": max_epochs,
        "--max-steps": max_steps, "--batch-size": batch_size, "--learning-rate": learning_rate,
        "--val-split": val_split,
    }  # fmt: skip
    refuse_others(others, "--from-datastore")
    from sdseg.training.run import RunOptions

    folder = Path(start) if start else None
    options = RunOptions(device, resume, autoencoder, folder, snapshot_every, asked_to_stop())
    _train(_configuration(str(config), root, model, seed), output, stage or "all", options)


def _retraining(wishes: dict[str, Any], device: str, resume: bool) -> RetrainConfig:
    """What the command line says, and the usual for the rest."""
    from sdseg.training.retrain_config import RetrainConfig

    given = {name: value for name, value in wishes.items() if value is not None}
    return RetrainConfig(**{"max_epochs": 50, "val_split": 0.2, **given, "device": device, "resume": resume})


def _train(config: TrainingConfig, output: Path, stage: str, options: RunOptions) -> None:
    """From its beginning."""
    from sdseg.training.run import TrainingRun

    if stage not in ("all", "autoencoder"):
        raise InputError(f"--stage takes 'all' or 'autoencoder', not '{stage}'.")
    shown: list[Update] = []

    def show(stage: str, step: int, steps: int, losses: dict[str, float]) -> None:
        note = "  ".join(f"{name} {value:.4f}" for name, value in losses.items())
        shown[0](step, steps, f"{stage}  {note}")

    run = TrainingRun(config, output, options, show)  # what is wrong is said before a bar appears
    with progress_bar("training") as update:
        shown.append(update)
        update(0, None, "prepare")
        result = run.run() if stage == "all" else run.run_autoencoder()
    if run.engine.processes.is_main:
        typer.echo(f"{'weights' if stage == 'all' else 'autoencoder'}={result}")


def _configuration(config: str, root: Path | None, model: str | None, seed: int | None) -> TrainingConfig:
    """The configuration with what the command line changes."""
    from sdseg.training.config import with_changes
    from sdseg.training.presets import find_config

    return with_changes(find_config(config), root=root, model=model, seed=seed)


def asked_to_stop() -> Callable[[], bool]:
    """Whether Ctrl-C was pressed or the machine is to be given back: the run then saves its state and stops.

    A second signal ends it at once.
    """
    asked: list[int] = []

    def note(number: int, _frame: Any) -> None:
        asked.append(number)
        for known in (signal.SIGINT, signal.SIGTERM):
            signal.signal(known, signal.SIG_DFL)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, note)
    return lambda: bool(asked)
