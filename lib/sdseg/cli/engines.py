"""`sdseg engines`: which engines there are, and which is the quickest here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sdseg.cli.console import SAMPLE_WEIGHTS, console, quieten_libraries
from sdseg.errors import InputError

INT8 = "openvino-int8"

if TYPE_CHECKING:
    from sdseg.engines.choice import Choice
    from sdseg.model.pipeline import SDSegPipeline


def engines(
    measure: Annotated[bool, typer.Option("--measure", help="Measure them now; takes minutes at full size.")] = False,
    weights: Annotated[Path | None, typer.Option(help="Weights folder to measure; default the sample's.")] = None,
    preset: Annotated[str | None, typer.Option(help="Measure random weights of this size (sd, base, small).")] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda or cuda:N.")] = "cpu",
    forget: Annotated[bool, typer.Option("--forget", help="Forget what was measured before.")] = False,
    calibrate: Annotated[
        str | None,
        typer.Option(
            help="Calibrate int8 for the weights: a folder of images as they will be segmented, or a training "
            "configuration."
        ),
    ] = None,
    root: Annotated[Path | None, typer.Option(help="Folder of that configuration's data set.")] = None,
    decoder: Annotated[str, typer.Option(help="To calibrate with: full or lite.")] = "full",
    encoder: Annotated[str, typer.Option(help="To calibrate with: full or lite.")] = "full",
    unet: Annotated[str, typer.Option(help="To calibrate with: full or lite.")] = "full",
) -> None:
    """List the engines, measure which is the quickest on this machine, or calibrate int8 for weights.

    `auto` takes the exact engine with the least seconds a slice (and a two hundredth of its start), measured once for
    each size of model and remembered. Engines that are not exact are never taken unless they are named.
    """
    quieten_libraries()
    if weights is not None and preset is not None:
        raise InputError("Give --weights or --preset, not both.")
    if forget:
        from sdseg.engines.choice_memory import forget as forget_all

        typer.echo(f"forgotten={forget_all()}")
    if calibrate is not None:
        if weights is None:
            raise InputError("Give --weights: what is calibrated is for them alone.")
        calibrate_for(weights, calibrate, root, {"decoder": decoder, "encoder": encoder, "unet": unet})
    elif measure or weights is not None or preset is not None:
        tell(measure_here(weights or SAMPLE_WEIGHTS, preset, device), preset)
    elif not forget:
        list_engines()


def list_engines() -> None:
    """One line an engine."""
    from sdseg.engines.engine import ENGINES, PLAIN

    typer.echo(f"{PLAIN:22}installed   exact      cpu, cuda, mps")
    for engine in ENGINES.values():
        here = "installed" if engine.is_installed else "missing"
        need = "" if engine.is_installed else f"   pip install {' '.join(engine.missing)}"
        exact = "exact" if engine.exact else "not exact"
        typer.echo(f"{engine.name:22}{here:12}{exact:11}{', '.join(engine.devices)}{need}")


def measure_here(weights: Path, preset: str | None, device: str) -> Choice:
    """Measure, whatever is remembered. Raises InputError, WeightsError, UnknownNameError."""
    from sdseg.engines.allocator import keep_large_blocks
    from sdseg.engines.choice import measure
    from sdseg.model.device import check_device
    from sdseg.model.pipeline import SDSegPipeline
    from sdseg.model.weights import load_weights

    check_device(device)
    keep_large_blocks()
    if preset is None:
        return measure(load_weights(weights, device, kind=SDSegPipeline), device)
    console.print("Random weights: masks are not compared.")
    return measure(_random(preset, device), device, least_dice=0.0)


def calibrate_for(weights: Path, data: str, root: Path | None, parts: Mapping[str, str]) -> None:
    """Quantise with evenly spaced slices of the images. Raises InputError, WeightsError, LabelError."""
    from sdseg.distill.material import load_material
    from sdseg.engines.calibration import MOST
    from sdseg.engines.engine import get_engine
    from sdseg.engines.speed_up import LEAST_DICE
    from sdseg.model.card import ModelCard
    from sdseg.model.lite import with_lite
    from sdseg.model.pipeline import SDSegPipeline
    from sdseg.model.weights import load_weights
    from sdseg.volume.slices import to_three_channels

    get_engine(INT8, "cpu")
    from sdseg.engines.int8 import calibrate

    pipeline = with_lite(load_weights(weights, kind=SDSegPipeline), weights, **parts)
    slices = load_material(data, root, ModelCard.load(weights)).train.evenly(MOST).images
    with console.status("Quantising; at the paper's size this takes some minutes."):
        dice = calibrate(pipeline, to_three_channels(slices.float()), LEAST_DICE)
    typer.echo(f"engine={INT8} slices={len(slices)} dice={dice:.4f}")


def tell(choice: Choice, preset: str | None) -> None:
    """One line an engine, the quickest last."""
    plain = choice.trials[0]
    for trial in choice.trials:
        if trial.ratio is None:
            typer.echo(f"{trial.engine:22}left out: {trial.reason}")
            continue
        agrees = "" if preset or trial is plain else f"   Dice {trial.dice:.5f}"
        typer.echo(f"{trial.engine:22}{1 / trial.ratio:6.2f} x plain   start {trial.start:6.1f} s{agrees}")
    typer.echo(f"engine={choice.engine} seconds_a_slice={choice.seconds:.4f}")


def _random(preset: str, device: str) -> SDSegPipeline:
    import torch

    from sdseg.model.pipeline import build_pipeline
    from sdseg.model.presets import get_preset

    torch.manual_seed(0)
    pipeline = build_pipeline(get_preset(preset))
    for part in (pipeline.vae, pipeline.vision_encoder, pipeline.unet):
        part.eval().requires_grad_(False)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline.to(device)
