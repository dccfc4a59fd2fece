"""How well the lite parts do beside the full ones, on slices that they did not learn from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from sdseg.distill.config import Part
from sdseg.inference.batches import segment_slices
from sdseg.model.pipeline import SDSegPipeline
from sdseg.training.slices import SliceStack
from sdseg.training.validate import foreground_dice

_MOST = 100  # slices


def measure(full: SDSegPipeline, parts: Mapping[Part, Any], stack: SliceStack, labelled: bool) -> dict[str, Any]:
    """The mean over the structures of the Dice over all slices together, on the model's own grid, seed 0.

    Args:
        full: the teacher.
        parts: the lite ones by name: decoder, encoder, unet.
        stack: slices.
        labelled: whether their masks mean something.

    Returns:
        For each lite part alone, and "all" of several, the "agreement" of its masks with the full model's; where they
        are `labelled`, also the "dice" of each, and of "full", against the labels.
    """
    stack = stack.evenly(_MOST)
    networks: dict[str, Any] = {"decoder": full.vae, "encoder": full.vision_encoder, "unet": full.unet}
    variants: dict[str, dict[str, Any]] = {"full": networks}
    variants |= {name: {**networks, name: part} for name, part in parts.items()}
    if len(parts) > 1:
        variants["all"] = networks | dict(parts)
    make: Any = SDSegPipeline  # it takes whatever answers its networks' calls
    found = {
        name: _labels(segment_slices(make(*own.values(), full.scheduler), stack.images))
        for name, own in variants.items()
    }
    agreement = {name: _dice(mask, found["full"], full.classes) for name, mask in found.items() if name != "full"}
    figures: dict[str, Any] = {"slices": len(stack), "agreement": agreement}
    if labelled:
        figures["dice"] = {name: _dice(mask, stack.masks, full.classes) for name, mask in found.items()}
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
