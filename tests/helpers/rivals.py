"""Untrained rivals of the smallest size."""

from pathlib import Path

import torch

from sdseg.model.card import ModelCard
from sdseg.model.weights import save_weights
from sdseg.rivals import ImageDiffusionPipeline, RivalPipeline, build_rival
from sdseg.volume.recipe import Recipe
from sdseg.volume.window import Window


def tiny_rival(
    kind: str, classes: int | None = None, seed: int = 0, **options: object
) -> RivalPipeline | ImageDiffusionPipeline:
    """A `tiny` rival for 64 pixels with random weights of the seed, none of them zero, in evaluation mode."""
    torch.manual_seed(seed)
    pipeline = build_rival(kind, 64, classes, preset="tiny", **options)
    with torch.no_grad():
        for parameter in pipeline.network.parameters():
            parameter += 0.05 * torch.randn_like(parameter)
    pipeline.network.eval().requires_grad_(False)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def rival_card(kind: str, labels: tuple[str, ...] = ("brain",), **windows: Window) -> ModelCard:
    """A card for `tiny_rival`: one label and MR unless told otherwise."""
    recipe = Recipe(image_size=64, windows=windows or {"MR": Window("percentile", 0.5, 99.5)})
    values = {name: value for value, name in enumerate(labels, 1)}
    return ModelCard("brain-rival", "tiny", values, recipe, kind=kind)


def save_tiny_rival(
    folder: Path, kind: str = "basic_unet", seed: int = 0, labels: tuple[str, ...] = ("brain",)
) -> Path:
    """A weights folder with random weights of the seed."""
    classes = len(labels) + 1 if len(labels) > 1 else None
    save_weights(tiny_rival(kind, classes, seed), rival_card(kind, labels), folder, torch.float32)
    return folder
