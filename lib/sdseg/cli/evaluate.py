"""`sdseg evaluate`: how well a model does on an image whose mask is known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from sdseg.cli.console import SAMPLE_WEIGHTS, progress_bar, quieten_libraries


def evaluate(
    image: Annotated[Path, typer.Argument(help="DICOM folder, NIfTI, NRRD or picture.")],
    reference: Annotated[Path, typer.Argument(help="Mask on the image's grid: NIfTI, NRRD or DICOM SEG.")],
    weights: Annotated[Path, typer.Option(help="Weights folder.")] = SAMPLE_WEIGHTS,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write the figures to this JSON file.")] = None,
    seed: Annotated[int, typer.Option(help="Of the noise.")] = 0,
    modality: Annotated[str | None, typer.Option(help="DICOM Modality, where the file does not say.")] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda or cuda:N.")] = "cpu",
) -> None:
    """Segment an image and print the volume Dice of each structure against a reference mask.

    Dice = 2 |P and R| / (|P| + |R|) over all voxels of the volume, on the image's own voxel grid; where neither
    holds the structure there is no score.
    """
    quieten_libraries()
    from sdseg.evaluation.score import score_image
    from sdseg.inference.segmenter import Segmenter
    from sdseg.volume.load import check_exists

    check_exists(image)
    check_exists(reference)
    segmenter = Segmenter.load(weights, device)
    with progress_bar("slices") as update:
        scores = score_image(segmenter, image, reference, modality=modality, seed=seed, progress=update)
    for structure, dice in scores.items():
        typer.echo(f"{structure} dice={'none' if dice is None else format(dice, '.4f')}")
    if output:
        figures = {
            "image": str(image),
            "reference": str(reference),
            "weights_sha256": segmenter.weights_sha256,
            "seed": seed,
            "volume_dice": scores,
        }
        output.write_text(json.dumps(figures, indent=2) + "\n")
