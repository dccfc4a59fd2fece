"""`sdseg segment`: one image in, its segmentation out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from sdseg.cli.console import SAMPLE_WEIGHTS, StageBar, console, progress_bar, quieten_libraries

if TYPE_CHECKING:
    from sdseg.dicom.seg_writer import SegmentationType
    from sdseg.inference.output import OutputFile
    from sdseg.inference.segmenter import SegmentationResult, Segmenter
    from sdseg.inference.streaming import StreamedResult
    from sdseg.inference.uncertainty_files import MapFiles


def segment(
    source: Annotated[Path, typer.Argument(help="DICOM series (folder or one file), NIfTI, NRRD, PNG or JPEG.")],
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
    segmentation_type: Annotated[
        str, typer.Option(help="Of a DICOM SEG: BINARY, which every viewer knows, or LABELMAP.")
    ] = "BINARY",
    uncertainty: Annotated[
        int,
        typer.Option(
            metavar="N", help="Write maps of the probability and the disagreement over N noises beside the output too."
        ),
    ] = 0,
    structures: Annotated[
        Path | None, typer.Option(help="File with the codes of labels that are not known here (docs/structures.md).")
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Slices at a time; does not change the result.")] = 8,
    device: Annotated[str, typer.Option(help="cpu, cuda or cuda:N.")] = "cpu",
    engine: Annotated[
        str,
        typer.Option(
            help="How the networks are run: auto (the quickest with the same masks, measured once), plain, or "
            "a name that `sdseg engines` lists."
        ),
    ] = "auto",
    decoder: Annotated[str, typer.Option(help="full, or the lite one of `sdseg distill`.")] = "full",
    encoder: Annotated[str, typer.Option(help="full, or the lite one of `sdseg distill`.")] = "full",
    unet: Annotated[str, typer.Option(help="full, or the lite one of `sdseg distill`.")] = "full",
    force: Annotated[bool, typer.Option("--force", help="Replace an output that exists.")] = False,
) -> None:
    """Segment an image in one reverse diffusion step.

    A DICOM series becomes a DICOM SEG that refers to it; NIfTI and NRRD become a labelmap on the same voxel grid,
    a picture a mask of the same size. An empty result is told and never filed as DICOM SEG (exit code 3).

    [bold]sdseg segment sample-data/dicom -o brain.dcm[/bold]
    """
    quieten_libraries()
    from sdseg.dicom.codes import structure
    from sdseg.dicom.files import is_series
    from sdseg.dicom.own_structures import use_structures
    from sdseg.engines.speed import Speed
    from sdseg.inference.output import OutputFile
    from sdseg.inference.segmenter import Segmenter
    from sdseg.inference.streaming import StreamedResult, stream
    from sdseg.inference.uncertainty import check_noises
    from sdseg.inference.uncertainty_files import MapFiles
    from sdseg.volume.load import check_exists
    from sdseg.volume.recipe import is_picture

    check_exists(source)
    check_noises(uncertainty)
    speed = Speed(engine, decoder, encoder, unet)
    if structures is not None:
        use_structures(structures)
    kind = cast("SegmentationType", segmentation_type.upper())
    target = OutputFile.choose(source, output, force, series_instance_uid, kind)
    segmenter = Segmenter.load(weights, device, speed)
    maps = MapFiles.beside(target.path, source, series_instance_uid)
    noises = uncertainty if segmenter.is_random else min(uncertainty, 1)
    maps.check(segmenter.card.labels, noises, force)
    if target.path.suffix == ".dcm" or (maps.dicom and noises):
        for name in segmenter.card.labels:
            structure(name)  # a label without a code is refused before the model runs
    if modality is None and not is_series(source) and not is_picture(source):
        taken_for = " or ".join(segmenter.card.modalities)
        console.print(f"{source.name} does not say what it is; it is taken for {taken_for} (--modality says so).")
    if uncertainty > noises:
        console.print(f"{segmenter.traits.title} draws no noise: its probability is written, and no disagreement.")
    with progress_bar("slices") as update:
        bar = StageBar(update)
        asked = (source, modality, seed, batch_size, bar.progress, series_instance_uid)
        # Maps of the probability are whole volumes; without them nothing but the mask need be.
        result: SegmentationResult | StreamedResult = (
            segmenter.segment(*asked, noises, bar.enter) if noises else stream(segmenter, *asked, bar.enter)
        )
        bar.enter("file")
        written = [] if isinstance(result, StreamedResult) else write_maps(maps, result, segmenter, seed)
        target.write(result, segmenter, seed)
    for sentence in result.corrections:
        console.print(f"Corrected: {sentence}")
    for path in written:
        typer.echo(f"map={path}")
    if written and maps.dicom and not any(path.suffix == ".dcm" for path in written):
        console.print("Pictures have no frame of reference, so no Parametric Map: the maps are NIfTI alone.")
    tell(target, result)


def write_maps(maps: MapFiles, result: SegmentationResult, segmenter: Segmenter, seed: int) -> list[Path]:
    """Write the maps that were asked for, and return where."""
    from sdseg.inference.provenance import provenance_of

    if result.uncertainty is None:
        return []
    return list(maps.write(result.uncertainty, provenance_of(segmenter, seed)))


def tell(target: OutputFile, result: SegmentationResult | StreamedResult) -> None:
    """What was found, and where it lies."""
    from sdseg.inference.told import left_out_words, nothing_found

    if result.is_empty:
        found = nothing_found(result.labels, result.left_out, result.model_slices)
        console.print(f"[yellow]{found} in {target.source}: the mask is empty.")
    elif result.left_out:
        console.print(f"Not looked at: {left_out_words(result.left_out, result.model_slices)}.")
    for name, value in result.labels.items():
        typer.echo(f"{name}: {result.count(value)} voxels")
    typer.echo(f"output={target.path}")
