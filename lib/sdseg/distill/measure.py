"""How well the lite parts do beside the full ones, on slices that they did not learn from."""

from __future__ import annotations

from typing import Any

import torch

from sdseg.inference.batches import segment_slices
from sdseg.model.pipeline import SDSegPipeline
from sdseg.training.slices import SliceStack
from sdseg.training.validate import foreground_dice

_MOST = 200  # slices


def measure(full: SDSegPipeline, lite: SDSegPipeline, stack: SliceStack, labelled: bool) -> dict[str, Any]:
    """The mean over the structures of the Dice over all slices together, on the model's own grid, seed 0.

    Returns:
        "agreement" of both masks; where `labelled`, the Dice of "full" and "lite" against the labels.
    """
    stack = stack.evenly(_MOST)
    ours, theirs = (_labels(segment_slices(model, stack.images)) for model in (lite, full))
    figures: dict[str, Any] = {"slices": len(stack), "agreement": _dice(ours, theirs, full.classes)}
    if labelled:
        figures |= {"full": _dice(theirs, stack.masks, full.classes), "lite": _dice(ours, stack.masks, full.classes)}
    return figures


def _labels(probability: torch.Tensor) -> torch.Tensor:
    if probability.shape[1] == 1:
        return (probability > 0.5).to(torch.uint8)
    return probability.argmax(dim=1, keepdim=True).to(torch.uint8)


def _dice(one: torch.Tensor, other: torch.Tensor, classes: int | None) -> float:
    scores = []
    for value in range(1, classes or 2):
        pair = (one == value, other == value) if classes else (one > 0, other > 0)
        dice = foreground_dice(*pair)
        scores.append(1.0 if dice is None else dice)
    return round(sum(scores) / len(scores), 4)
