"""`sdseg train`: a weights folder from labelled images."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sdseg.cli.console import Update, progress_bar, quieten_libraries

if TYPE_CHECKING:
    from sdseg.training.config import TrainingConfig


def train(
    config: Annotated[
        str, typer.Option("--config", "-c", help="Training configuration: a YAML file, or the name of a preset.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for log and weights.")],
    root: Annotated[Path | None, typer.Option(help="Folder of the configuration's data set.")] = None,
    model: Annotated[
        str | None, typer.Option(help="Train this rival on the same data instead, e.g. basic_unet; see docs/rivals.md.")
    ] = None,
    start: Annotated[
        Path | None, typer.Option(help="Start from this weights folder, e.g. one of 'sdseg weights import'.")
    ] = None,
    autoencoder: Annotated[
        Path | None, typer.Option(help="Use this diffusers AutoencoderKL folder instead of training one.")
    ] = None,
    stage: Annotated[str, typer.Option(help="'all', or 'autoencoder' to stop after the first stage.")] = "all",
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
    """
    quieten_libraries()
    from sdseg.errors import InputError
    from sdseg.training.run import RunOptions, TrainingRun

    if stage not in ("all", "autoencoder"):
        raise InputError(f"--stage takes 'all' or 'autoencoder', not '{stage}'.")
    chosen = _configuration(config, root, model, seed)
    options = RunOptions(device, resume, autoencoder, start, snapshot_every, _asked_to_stop())
    shown: list[Update] = []

    def show(stage: str, step: int, steps: int, losses: dict[str, float]) -> None:
        note = "  ".join(f"{name} {value:.4f}" for name, value in losses.items())
        shown[0](step, steps, f"{stage}  {note}")

    run = TrainingRun(chosen, output, options, show)  # what is wrong is said before a bar appears
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


def _asked_to_stop() -> Callable[[], bool]:
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
