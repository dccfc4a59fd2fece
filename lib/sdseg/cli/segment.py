"""`sdseg segment`: one image in, its segmentation out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sdseg.cli.console import SAMPLE_WEIGHTS, console, progress_bar, quieten_libraries


def segment(
    source: Annotated[Path, typer.Argument(help="Folder of one DICOM series, NIfTI, NRRD, PNG or JPEG.")],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="File (.dcm for DICOM SEG, .nii.gz, .nrrd, .png) or folder, which gets a file of the source's kind.",
        ),
    ],
    weights: Annotated[Path, typer.Option(help="Weights folder.")] = SAMPLE_WEIGHTS,
    seed: Annotated[int, typer.Option(help="Of the noise: the same seed gives the same mask.")] = 0,
    modality: Annotated[str | None, typer.Option(help="DICOM Modality, where the file does not say.")] = None,
    series_instance_uid: Annotated[
        str | None, typer.Option("--series", help="SeriesInstanceUID, where the folder holds several series.")
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Slices at a time; does not change the result.")] = 8,
    device: Annotated[str, typer.Option(help="cpu, cuda or cuda:N.")] = "cpu",
    force: Annotated[bool, typer.Option("--force", help="Replace an output that exists.")] = False,
) -> None:
    """Segment an image in one reverse diffusion step.

    A DICOM series becomes a DICOM SEG that refers to it; NIfTI and NRRD become a labelmap on the same voxel grid,
    a picture a mask of the same size. An empty result is told and never filed as DICOM SEG (exit code 3).

    [bold]sdseg segment sample-data/dicom -o brain.dcm[/bold]
    """
    quieten_libraries()
    from sdseg.inference.output import OutputFile
    from sdseg.inference.segmenter import Segmenter
    from sdseg.volume.load import check_exists
    from sdseg.volume.recipe import is_picture

    check_exists(source)
    target = OutputFile.choose(source, output, force, series_instance_uid)
    segmenter = Segmenter.load(weights, device)
    if modality is None and not source.is_dir() and not is_picture(source):
        taken_for = " or ".join(segmenter.card.modalities)
        console.print(f"{source.name} does not say what it is; it is taken for {taken_for} (--modality says so).")
    with progress_bar("slices") as update:
        result = segmenter.segment(source, modality, seed, batch_size, update, series_instance_uid)
    target.write(result, segmenter, seed)
    if result.is_empty:
        console.print(f"[yellow]The model found no {' or '.join(result.labels)} in {source}: the mask is empty.")
    for name, value in result.labels.items():
        typer.echo(f"{name}: {int((result.labelmap == value).sum())} voxels")
    typer.echo(f"output={target.path}")
