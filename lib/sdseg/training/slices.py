"""Training examples as stacks of 2D slices, preprocessed once by the recipe and kept in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from monai.transforms import Compose

from sdseg.errors import LabelError
from sdseg.training.config import ExampleConfig
from sdseg.volume.recipe import Recipe
from sdseg.volume.slices import to_slices


@dataclass(frozen=True)
class SliceStack:
    """Slices of all examples, one after the other.

    Attributes:
        images: (slices, 1 or 3, i, j) float32 in [-1, 1].
        masks: (slices, 1, i, j) uint8 label values.
    """

    images: torch.Tensor
    masks: torch.Tensor

    def __post_init__(self) -> None:
        if self.images.shape[0] != self.masks.shape[0] or self.images.shape[2:] != self.masks.shape[2:]:
            raise LabelError(f"Images {tuple(self.images.shape)} and masks {tuple(self.masks.shape)} do not match.")

    def __len__(self) -> int:
        return len(self.images)


def load_slices(examples: Sequence[ExampleConfig], recipe: Recipe, labels: dict[str, int]) -> SliceStack:
    """Load and preprocess every example.

    Raises:
        LabelError: a mask holds a value that `labels` does not name, or no labelled voxel at all.
        InputError: a file cannot be read, or its modality is not the recipe's.
    """
    stacks = [_load_example(example, recipe, labels) for example in examples]
    return SliceStack(torch.cat([s.images for s in stacks]), torch.cat([s.masks for s in stacks]))


def _load_example(example: ExampleConfig, recipe: Recipe, labels: dict[str, int]) -> SliceStack:
    steps = recipe.training_transforms(example.image, example.modality)
    data = Compose(steps)({"image": example.image, "label": example.label})
    stack = SliceStack(to_slices(data["image"]), to_slices(data["label"]).round().to(torch.uint8))
    values = set(stack.masks.unique().tolist()) - {0}
    if not values:
        raise LabelError(f"{example.label} labels no voxel: there is nothing to learn from it.")
    if values - set(labels.values()):
        raise LabelError(
            f"{example.label} holds the values {sorted(values)}, but the labels are {labels}: "
            "name every value or correct the mask."
        )
    return stack
