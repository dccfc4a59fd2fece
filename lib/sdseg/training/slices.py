"""Training examples as stacks of 2D slices, preprocessed once by the recipe and kept in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from monai.transforms import Compose

from sdseg.errors import LabelError
from sdseg.volume.example import Example
from sdseg.volume.load import load_failures
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

    def labelled(self) -> SliceStack:
        """The slices whose mask holds anything."""
        chosen = (self.masks > 0).flatten(1).any(dim=1)
        return SliceStack(self.images[chosen], self.masks[chosen])

    def evenly(self, count: int) -> SliceStack:
        """At most `count` slices, evenly spaced."""
        chosen = torch.linspace(0, len(self) - 1, min(count, len(self))).round().long()
        return SliceStack(self.images[chosen], self.masks[chosen])


def load_slices(
    examples: Sequence[Example],
    recipe: Recipe,
    labels: Mapping[str, int],
    progress: Callable[[int, int], None] | None = None,
) -> SliceStack:
    """Load and preprocess every example; grey and colour pictures may be mixed.

    Args:
        examples: at least one.
        recipe: of the model.
        labels: structure -> value.
        progress: called with (examples done, examples).

    Raises:
        LabelError: a mask holds a value that `labels` does not name, or no mask holds anything at all.
        InputError: a file cannot be read, or its modality is not the recipe's.
    """
    stacks = []
    for done, example in enumerate(examples, 1):
        stacks.append(_load_example(example, recipe, labels))
        if progress:
            progress(done, len(examples))
    if not any(stack.masks.any() for stack in stacks):
        names = examples[0].label if len(examples) == 1 else f"All {len(examples)} masks"
        raise LabelError(f"{names} label{'s' if len(examples) == 1 else ''} no voxel: there is nothing to learn from.")
    channels = max(stack.images.shape[1] for stack in stacks)
    images = torch.cat([stack.images.expand(-1, channels, -1, -1) for stack in stacks])
    return SliceStack(images, torch.cat([stack.masks for stack in stacks]))


def _load_example(example: Example, recipe: Recipe, labels: Mapping[str, int]) -> SliceStack:
    with load_failures(Path(example.image)):
        data = Compose(recipe.training_transforms(example))({"image": example.image, "label": example.label})
    stack = SliceStack(to_slices(data["image"]), to_slices(data["label"]).round().to(torch.uint8))
    unknown = set(stack.masks.unique().tolist()) - {0, *labels.values()}
    if unknown:
        raise LabelError(
            f"{example.label} holds the values {sorted(unknown)}, but the labels are {dict(labels)}: "
            "name every value or correct the mask."
        )
    return stack
