"""Scoring a model on one labelled image."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sdseg.evaluation.dice import volume_dice
from sdseg.inference.segmenter import Segmenter
from sdseg.volume.labelmap import load_labelmap_like


def score_image(
    segmenter: Segmenter,
    image: Path,
    reference: Path,
    modality: str | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, float | None]:
    """Segment `image` and return structure name -> volume Dice on the image's own voxel grid.

    Raises:
        InputError: the image cannot be used.
        LabelError: the reference is on another grid.
    """
    wanted = load_labelmap_like(reference, image)
    result = segmenter.segment(image, modality=modality, seed=seed, progress=progress)
    return {name: volume_dice(result.labelmap, wanted, value) for name, value in result.labels.items()}
