"""`sdseg distill`: small decoders, encoders and U-Nets for trained weights."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from sdseg.cli.console import Update, progress_bar, quieten_libraries
from sdseg.cli.train import asked_to_stop
from sdseg.errors import InputError


def distill(
    weights: Annotated[Path, typer.Argument(help="Weights folder of a trained SDSeg.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for log and weights.")],
    data: Annotated[
        str,
        typer.Option(help="Images to learn from: any folder, labels not needed, or a training configuration."),
    ],
    root: Annotated[Path | None, typer.Option(help="Folder of the configuration's data set.")] = None,
    parts: Annotated[str, typer.Option(help="What to make, separated by commas.")] = "decoder,encoder,unet",
    minutes: Annotated[float | None, typer.Option(help="About so many in all; default the usual steps.")] = None,
    effort: Annotated[float, typer.Option(help="So many times the usual steps.")] = 1.0,
    slices: Annotated[int, typer.Option(help="Augmented slices the teacher is asked about.")] = 1024,
    batch_size: Annotated[int, typer.Option(help="Slices a step.")] = 8,
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
    device: Annotated[str, typer.Option(help="cpu, cuda or cuda:N.")] = "cpu",
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where the run in OUTPUT stopped, or begin if there is none.")
    ] = False,
) -> None:
    """Make lite parts for trained weights: mask decoder, vision encoder and U-Net, each of a fraction of the cost.

    They learn what the full ones answer. The result is [bold]OUTPUT/weights[/bold]: the given weights with the parts
    beside them, for `--decoder lite`, `--encoder lite` and `--unet lite` of the other commands. docs/lite.md tells
    what is lost and what is won.
    """
    quieten_libraries()
    from pydantic import ValidationError

    from sdseg.distill.config import DistillConfig
    from sdseg.distill.run import DistillOptions, check_output
    from sdseg.distill.run import distill as run

    wishes: dict[str, Any] = {
        "parts": tuple(part.strip() for part in parts.split(",")),
        "minutes": minutes,
        "effort": effort,
        "slices": slices,
        "batch_size": batch_size,
        "seed": seed,
    }
    try:
        config = DistillConfig(**wishes)
    except ValidationError as error:
        first = error.errors()[0]
        where = f"--{'-'.join(str(first['loc'][0]).split('_'))}: " if first["loc"] else ""
        raise InputError(f"{where}{first['msg'].removeprefix('Value error, ')}.") from error
    check_output(output, weights)
    with progress_bar("distill") as update:
        shown: Update = update

        def show(stage: str, step: int, steps: int, losses: dict[str, float]) -> None:
            note = "  ".join(f"{name} {value:.4f}" for name, value in losses.items())
            shown(step, steps, f"{stage}  {note}")

        options = DistillOptions(device, resume, asked_to_stop())
        result = run(weights, output, data, root, config, options, show)
    typer.echo(f"weights={result}")
