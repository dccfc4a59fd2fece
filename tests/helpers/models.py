"""Untrained models, small enough to be made anew in every test."""

from pathlib import Path
from typing import Any

import torch

from sdseg.model.card import ModelCard
from sdseg.model.pipeline import SDSegPipeline, build_pipeline
from sdseg.model.presets import get_preset
from sdseg.model.weights import save_weights
from sdseg.volume.recipe import Recipe
from sdseg.volume.window import Window


def tiny_pipeline(seed: int = 0, classes: int | None = None, **variant: Any) -> SDSegPipeline:
    """A `tiny` pipeline with random weights of the seed, in evaluation mode; `variant` as in `build_pipeline`."""
    torch.manual_seed(seed)
    pipeline = build_pipeline(get_preset("tiny"), classes=classes, **variant)
    for module in (pipeline.vae, pipeline.vision_encoder, pipeline.unet):
        module.eval().requires_grad_(False)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def tiny_card(labels: tuple[str, ...] = ("brain",), **windows: Window) -> ModelCard:
    """A card for `tiny_pipeline`: one label and MR unless told otherwise."""
    recipe = Recipe(image_size=64, windows=windows or {"MR": Window("percentile", 0.5, 99.5)})
    return ModelCard("brain-tiny", "tiny", {name: value for value, name in enumerate(labels, 1)}, recipe)


def save_tiny_weights(folder: Path, seed: int = 0, **windows: Window) -> Path:
    """A weights folder with random weights of the seed."""
    save_weights(tiny_pipeline(seed), tiny_card(**windows), folder, torch.float32)
    return folder
