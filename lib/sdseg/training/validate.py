"""How well a model does on held-out slices, on the model's own grid: cheap enough to run during training."""

from __future__ import annotations

from collections.abc import Callable

import torch

from sdseg.inference.batches import segment_slices
from sdseg.model.slice_model import SliceModel
from sdseg.training.slices import SliceStack


def mean_dice(
    model: SliceModel, stack: SliceStack, seed: int = 0, progress: Callable[[int, int], None] | None = None
) -> float:
    """The mean over the structures of the Dice over all slices of `stack` together, by the single step.

    Args:
        model: to be judged.
        stack: slices with their masks.
        seed: of the noise.
        progress: called with (slices done, slices) after every few.

    Returns:
        Dice in [0, 1]; a structure that is neither found nor there counts 1, one that is only found or only there 0.
    """
    probability = _predict(model, stack, seed, progress)
    if model.classes is None:
        pairs = [(probability > 0.5, stack.masks > 0)]
    else:
        found = probability.argmax(dim=1, keepdim=True)
        pairs = [(found == value, stack.masks == value) for value in range(1, model.classes)]
    scores = [1.0 if (dice := foreground_dice(*pair)) is None else dice for pair in pairs]
    return sum(scores) / len(scores)


def predict_foreground(
    model: SliceModel, stack: SliceStack, seed: int = 0, progress: Callable[[int, int], None] | None = None
) -> torch.Tensor:
    """(slices, 1, i, j) bool: anything but background; the model's modules are left in the mode they were in."""
    probability = _predict(model, stack, seed, progress)
    if model.classes is not None:
        return probability.argmax(dim=1, keepdim=True) > 0
    return probability > 0.5


def _predict(
    model: SliceModel, stack: SliceStack, seed: int, progress: Callable[[int, int], None] | None
) -> torch.Tensor:
    """As `segment_slices`; the modules are left in the mode they were in, also where `progress` raises."""
    modules = [module for module in model.components.values() if isinstance(module, torch.nn.Module)]
    were_training = [module.training for module in modules]
    for module in modules:
        module.eval()
    try:
        return segment_slices(model, stack.images, seed, progress=progress)
    finally:
        for module, training in zip(modules, were_training, strict=True):
            module.train(training)


def foreground_dice(found: torch.Tensor, wanted: torch.Tensor) -> float | None:
    """2 |F and W| / (|F| + |W|) over all voxels; None where both are empty."""
    total = int(found.sum()) + int(wanted.sum())
    return 2 * int(torch.logical_and(found, wanted).sum()) / total if total else None
