"""Slices of an image as a model sees them."""

from __future__ import annotations

from pathlib import Path

import torch
from monai.transforms import Compose

from sdseg.errors import InputError
from sdseg.model.card import ModelCard
from sdseg.volume.load import load_failures
from sdseg.volume.slices import to_slices, to_three_channels


def image_slices(weights: Path, source: Path, count: int) -> torch.Tensor:
    """Evenly spaced slices, preprocessed by the recipe of the weights.

    Args:
        weights: a weights folder.
        source: a series, a volume or a picture.
        count: at most so many.

    Returns:
        (slices, 3, rows, columns) in [-1, 1].

    Raises:
        SdsegError: one of them cannot be read.
    """
    with load_failures(source):
        image = Compose(ModelCard.load(weights).recipe.transforms(source, None, None))({"image": source})["image"]
    slices = to_three_channels(to_slices(image))
    if len(slices) < 2:
        raise InputError(f"{source} has one slice; a comparison takes an image of several.")
    chosen = torch.linspace(0, len(slices) - 1, min(count, len(slices))).round().long()
    return slices[chosen].contiguous()
