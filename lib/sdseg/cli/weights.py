"""`sdseg weights`: weights in from elsewhere, out to the authors' naming, and what is in a folder."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sdseg.cli.console import console, quieten_libraries
from sdseg.errors import InputError

if TYPE_CHECKING:
    from sdseg.volume.window import Window
    from sdseg.weights.info import WeightsInfo

app = typer.Typer(help="Import, export and describe weights.", no_args_is_help=True)

Folder = Annotated[Path, typer.Argument(help="Weights folder.")]


@app.command("import")
def import_(
    source: Annotated[str, typer.Argument(help="Checkpoint (.ckpt, .safetensors), folder, or hub id owner/name.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Weights folder to make.")],
    kind: Annotated[str, typer.Option(help="auto, authors, autoencoder, ldm or folder.")] = "auto",
    labels: Annotated[str | None, typer.Option(help="Structures in the order of the classes: liver,spleen.")] = None,
    window: Annotated[
        list[str] | None,
        typer.Option(help="MODALITY:LOW:HIGH, e.g. CT:-175:250, or in per cent MR:0.5%:99.5%.", metavar="WINDOW"),
    ] = None,
    dtype: Annotated[str, typer.Option(help="Precision on disk: fp32 or fp16.")] = "fp32",
    name: Annotated[str | None, typer.Option(help="Of the model; default the folder's.")] = None,
    heads: Annotated[int | None, typer.Option(min=1, help="Attention heads, which no tensor tells; default 8.")] = None,
    image_size: Annotated[int | None, typer.Option(min=8, help="Rows = columns of an image; default 256.")] = None,
    preset: Annotated[str | None, typer.Option(help="Whose U-Net to take, where the source has none.")] = None,
    seed: Annotated[int, typer.Option(help="Of weights that are drawn at random.")] = 0,
    inference_only: Annotated[
        bool, typer.Option("--inference-only", help="Leave out the mask encoder, which only a training needs.")
    ] = False,
) -> None:
    """Make a weights folder from weights of another kind.

    [bold]authors[/bold]: a trained SDSeg checkpoint (PyTorch Lightning).

    [bold]autoencoder[/bold]: Stable Diffusion's, as CompVis checkpoint, diffusers folder or hub id: a training's start.

    [bold]ldm[/bold]: a latent-diffusion checkpoint such as LSUN churches: a training's start, with a U-Net.

    [bold]folder[/bold]: one of our own, saved anew.

    Nothing in a file is executed. A file of which a tensor is missing or left over is refused.

    [bold]sdseg weights import sdseg.ckpt -o weights/polyps --labels polyp[/bold]
    """
    quieten_libraries()
    import torch

    from sdseg.weights.importing import Description, import_weights
    from sdseg.weights.source import Choices, Kind

    dtypes = {"fp32": torch.float32, "fp16": torch.float16}
    if dtype not in dtypes:
        raise InputError(f"--dtype takes fp32 or fp16, not '{dtype}'.")
    if kind not in list(Kind):
        raise InputError(f"--kind takes {', '.join(Kind)}, not '{kind}'.")
    names = [label.strip() for label in labels.split(",") if label.strip()] if labels else []
    windows = dict(parse_window(text) for text in window or ())
    card = import_weights(
        source,
        output,
        Kind(kind),
        Choices(heads, image_size, preset, seed),
        Description(names, windows, name),
        dtypes[dtype],
        inference_only,
    )
    for choice, value in card.training["import"].get("assumed", {}).items():
        console.print(f"[yellow]No tensor tells {choice}: assumed {value}; choose with --{choice.replace('_', '-')}.")
    typer.echo(f"preset={card.preset}")
    typer.echo(f"labels={','.join(card.labels)}")
    typer.echo(f"modalities={','.join(card.modalities)}")
    typer.echo(f"weights={output}")


@app.command("export")
def export(
    folder: Folder,
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write: .ckpt or .safetensors.")],
) -> None:
    """Write a weights folder as one file in the authors' naming, which [bold]import[/bold] reads back bit by bit."""
    quieten_libraries()
    from sdseg.weights.export import export_weights

    export_weights(folder, output)
    typer.echo(f"output={output}")


@app.command("adapt")
def adapt(
    adapter: Annotated[Path, typer.Argument(help="Folder of a low-rank adapter, as a training with them makes it.")],
    base: Annotated[Path, typer.Argument(help="The weights folder it was trained beside.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Weights folder to make.")],
) -> None:
    """Put a low-rank adapter into the weights it was trained beside; other weights are refused."""
    quieten_libraries()
    from sdseg.training.adapting import apply_adapter

    typer.echo(f"weights={apply_adapter(adapter, base, output)}")


@app.command("info")
def info(folder: Folder) -> None:
    """Print sizes, SHA-256, preset, scale factor, labels, modalities and where the weights come from."""
    quieten_libraries()
    from sdseg.weights.info import read_info

    for line in describe(read_info(folder)):
        typer.echo(line)


def describe(told: WeightsInfo) -> list[str]:
    """The lines of `sdseg weights info`."""
    card, unet = told.card, told.unet
    sizes = f"U-Net {unet.get('block_out_channels')}, {unet.get('num_attention_heads')} heads, " if unet else ""
    lines = [
        f"name          {card.name}",
        f"kind          {card.kind}{''.join(f'; {words}' for words in told.deviations)}",
        f"sha256        {told.sha256}",
        f"preset        {card.preset}: {sizes}images {card.recipe.image_size} squared",
        *([] if told.scale_factor is None else [f"scale factor  {told.scale_factor:.6g}"]),
        f"labels        {', '.join(f'{value} {name}' for name, value in card.labels.items())}",
        f"modalities    {', '.join(card.modalities)}",
        *([] if card.region is None else [f"region        {json.dumps(asdict(card.region))}"]),
        f"size          {told.size / 1e6:.1f} MB",
    ]
    for part in told.components:
        facts = f"{part.size / 1e6:8.1f} MB  {part.parameters / 1e6:7.2f} M parameters  {part.dtype}"
        lines.append(f"  {part.name:<15}{facts}  {part.sha256}")
    return [*lines, "training", *json.dumps(card.training, indent=2).splitlines()]


def parse_window(text: str) -> tuple[str, Window]:
    """ "CT:-175:250" or "MR:0.5%:99.5%" -> modality and window.

    Raises:
        InputError: it is neither.
    """
    from sdseg.volume.window import Window

    modality, _, limits = text.partition(":")
    low, _, high = limits.partition(":")
    percent = low.endswith("%") and high.endswith("%")
    try:
        values = float(low.removesuffix("%") if percent else low), float(high.removesuffix("%") if percent else high)
    except ValueError as error:
        raise InputError(f"--window takes MODALITY:LOW:HIGH such as CT:-175:250, not '{text}'.") from error
    return modality, Window("percentile" if percent else "range", *values)
