"""How far a region of a model card (docs/region.md) changes the masks of an image, and what it saves.

The image is segmented with and without the region, in turns, by one loaded model; the least seconds of each count.
"""

import argparse
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.transforms import Compose

from sdseg.engines.speed import PLAIN_SPEED
from sdseg.errors import SdsegError
from sdseg.evaluation.dice import volume_dice
from sdseg.inference.region import boxes_of
from sdseg.inference.segmenter import Segmenter
from sdseg.model.region import Region
from sdseg.volume.load import load_failures
from sdseg.volume.recipe import invert
from sdseg.volume.slices import to_slices


def share_computed(segmenter: Segmenter, image: torch.Tensor, region: Region) -> tuple[float, int]:
    """Of the pixels of all slices of (channel, i, j, k), and the number of slices left out."""
    boxes = boxes_of(to_slices(image), region, segmenter.pipeline.parts)
    pixels = sum(box.pixels for box in boxes if box is not None)
    return pixels / (len(boxes) * image.shape[1] * image.shape[2]), boxes.count(None)


def compare(weights: Path, source: Path, region: Region, modality: str | None, device: str, rounds: int) -> list[str]:
    """The lines to print. Raises SdsegError: something cannot be loaded."""
    whole = Segmenter.load(weights, device, PLAIN_SPEED)
    whole.card = replace(whole.card, region=None)
    reduced = Segmenter(whole.pipeline, replace(whole.card, region=region), whole.weights_sha256)
    steps = whole.pre_transforms(source, modality)
    with load_failures(source):
        data: dict[str, Any] = Compose(steps)({"image": source})
    image, seconds, masks = data["image"], ([], []), []  # type: Any, tuple[list[float], list[float]], list[Any]
    for number in range(rounds):
        for which, segmenter in enumerate((whole, reduced)):
            start = time.perf_counter()
            probability = segmenter.predict(image)
            seconds[which].append(time.perf_counter() - start)
            if number == 0:
                masks.append(segmenter.to_labelmap(invert(steps, image, probability)))
    share, skipped = share_computed(whole, image, region)
    scores = {name: volume_dice(masks[1], masks[0], value) for name, value in whole.card.labels.items()}
    told = ("nowhere in either" if score is None else f"{score:.4f}" for score in scores.values())
    return [
        *(f"Dice {name}: {text}" for name, text in zip(scores, told, strict=True)),
        f"voxels that differ: {int(np.count_nonzero(masks[0] != masks[1]))}",
        f"pixels computed: {share:.1%}; slices left out: {skipped} of {image.shape[-1]}",
        f"seconds of the model, whole and with the region: {min(seconds[0]):.2f}, {min(seconds[1]):.2f}; "
        f"ratio {min(seconds[1]) / min(seconds[0]):.2f}",
    ]


def main() -> None:
    """Print agreement and saving."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path, help="a DICOM series, NIfTI, NRRD or picture")
    parser.add_argument("weights", type=Path, help="the weights folder; a region in its card is left aside")
    parser.add_argument("--body-above", type=float, required=True, help="body is what is above, in [-1, 1]")
    parser.add_argument("--least-body", type=float, required=True, help="slices with a smaller share are left out")
    parser.add_argument("--margin", type=int, help="pixels around the body; default: slices are computed whole")
    parser.add_argument("--modality", help="DICOM Modality of an image that does not say")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    try:
        region = Region(given.body_above, given.least_body, given.margin)
        lines = compare(given.weights, given.source, region, given.modality, given.device, max(1, given.rounds))
    except SdsegError as error:
        raise SystemExit(str(error)) from error
    print("\n".join(lines))


if __name__ == "__main__":
    main()
