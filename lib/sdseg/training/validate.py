"""How well a model does on held-out slices, on the model's own grid: cheap enough to run during training."""

from __future__ import annotations

import torch

from sdseg.inference.batches import segment_slices
from sdseg.model.pipeline import SDSegPipeline
from sdseg.training.slices import SliceStack


def validation_dice(pipeline: SDSegPipeline, stack: SliceStack, seed: int = 0) -> float | None:
    """Dice of the foreground over all slices of `stack` together, by the single step.

    Returns:
        Dice in [0, 1], or None where neither prediction nor mask has foreground.
    """
    modules = (pipeline.unet, pipeline.vision_encoder, pipeline.vae)
    were_training = [module.training for module in modules]
    for module in modules:
        module.eval()
    found = segment_slices(pipeline, stack.images, seed) > 0.5
    for module, training in zip(modules, were_training, strict=True):
        module.train(training)
    wanted = stack.masks > 0
    total = int(found.sum()) + int(wanted.sum())
    return 2 * int(torch.logical_and(found, wanted).sum()) / total if total else None
