"""`sdseg train`: a weights folder from labelled images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sdseg.cli.console import progress_bar, quieten_libraries


def train(
    config: Annotated[Path, typer.Option("--config", "-c", help="Training configuration (YAML).")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for log and weights.")],
    autoencoder: Annotated[
        Path | None, typer.Option(help="Use this diffusers AutoencoderKL folder instead of training one.")
    ] = None,
    stage: Annotated[str, typer.Option(help="'all', or 'autoencoder' to stop after the first stage.")] = "all",
    snapshot_every: Annotated[
        int, typer.Option(min=0, help="Save the weights every so many steps of the second stage; 0: only at the end.")
    ] = 0,
    device: Annotated[str, typer.Option(help="cpu, cuda or cuda:N.")] = "cpu",
) -> None:
    """Train a model: first a small KL autoencoder, then, with that frozen, U-Net and vision encoder.

    The configuration names data, labels, sizes and both stages; `lib/sdseg/training/presets` holds examples.
    The result is [bold]OUTPUT/weights[/bold], a diffusers folder that `sdseg segment --weights` takes.
    """
    quieten_libraries()
    from sdseg.errors import InputError
    from sdseg.training.config import load_config
    from sdseg.training.run import TrainingRun

    if stage not in ("all", "autoencoder"):
        raise InputError(f"--stage takes 'all' or 'autoencoder', not '{stage}'.")
    with progress_bar("training") as update:

        def show(stage: str, step: int, steps: int, losses: dict[str, float]) -> None:
            note = "  ".join(f"{name} {value:.4f}" for name, value in losses.items())
            update(step, steps, f"{stage}  {note}")

        run = TrainingRun(load_config(config), output, device, show, autoencoder, snapshot_every)
        result = run.run() if stage == "all" else run.run_autoencoder()
    typer.echo(f"{'weights' if stage == 'all' else 'autoencoder'}={result}")
