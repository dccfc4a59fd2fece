"""Training examples as stacks of 2D slices, preprocessed once by the recipe and kept in memory."""

from __future__ import annotations

import logging
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

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SliceStack:
    """Slices of all examples, one after the other.

    Attributes:
        images: (slices, 1 or 3, i, j) float32 in [-1, 1].
        masks: (slices, 1, i, j) uint8 label values.
        weights: (slices,) float32, how often each is drawn beside the others, see `Chances`; None: all alike.

    Raises:
        LabelError: they do not match.
    """

    images: torch.Tensor
    masks: torch.Tensor
    weights: torch.Tensor | None = None

    def __post_init__(self) -> None:
        if self.images.shape[0] != self.masks.shape[0] or self.images.shape[2:] != self.masks.shape[2:]:
            raise LabelError(f"Images {tuple(self.images.shape)} and masks {tuple(self.masks.shape)} do not match.")
        if self.weights is not None and self.weights.shape != self.images.shape[:1]:
            raise LabelError(f"Images {tuple(self.images.shape)} and {len(self.weights)} weights do not match.")

    def __len__(self) -> int:
        return len(self.images)

    def chosen(self, which: torch.Tensor) -> SliceStack:
        """The slices at the indices `which`, or where it is true."""
        weights = None if self.weights is None else self.weights[which]
        return SliceStack(self.images[which], self.masks[which], weights)

    def labelled(self) -> SliceStack:
        """The slices whose mask holds anything."""
        return self.chosen((self.masks > 0).flatten(1).any(dim=1))

    def evenly(self, count: int) -> SliceStack:
        """At most `count` slices, evenly spaced."""
        return self.chosen(torch.linspace(0, len(self) - 1, min(count, len(self))).round().long())

    @staticmethod
    def joined(stacks: Sequence[SliceStack]) -> SliceStack:
        """One after the other, grey ones as colour where some are; weights where any of them has some."""
        channels = max(stack.images.shape[1] for stack in stacks)
        images = torch.cat([stack.images.expand(-1, channels, -1, -1) for stack in stacks])
        weights = None
        if any(stack.weights is not None for stack in stacks):
            weights = torch.cat([torch.ones(len(s)) if s.weights is None else s.weights for s in stacks])
        return SliceStack(images, torch.cat([stack.masks for stack in stacks]), weights)


def load_slices(
    examples: Sequence[Example],
    recipe: Recipe,
    labels: Mapping[str, int],
    progress: Callable[[int, int], None] | None = None,
    corrected_weight: float = 1.0,
) -> SliceStack:
    """Load and preprocess every example; grey and colour pictures may be mixed.

    Slices that hold an `ignored` voxel are left out: nobody said what is there. An example that is left without any,
    such as a sagittal series labelled slice by slice for an axial model, is named in the log.

    Args:
        examples: at least one.
        recipe: of the model.
        labels: structure -> value.
        progress: called with (examples done, examples).
        corrected_weight: how many times as often a slice that an annotator corrected is drawn as another.

    Raises:
        LabelError: a mask holds a value that `labels` does not name, or no mask holds anything at all.
        InputError: a file cannot be read, or its modality is not the recipe's.
    """
    stacks = []
    for done, example in enumerate(examples, 1):
        stacks.append(load_example(example, recipe, labels, corrected_weight))
        if not len(stacks[-1]):
            name = Path(example.image).name
            logger.warning("%s teaches nothing: its label speaks of no slice of the model's orientation whole.", name)
        if progress:
            progress(done, len(examples))
    check_labelled(stacks, examples)
    return SliceStack.joined(stacks)


def check_labelled(stacks: Sequence[SliceStack], examples: Sequence[Example]) -> None:
    """Raise LabelError where no slice of any example is labelled."""
    if not any(stack.masks.any() for stack in stacks):
        names = examples[0].label if len(examples) == 1 else f"All {len(examples)} masks"
        raise LabelError(f"{names} label{'s' if len(examples) == 1 else ''} no voxel: there is nothing to learn from.")


def load_example(
    example: Example, recipe: Recipe, labels: Mapping[str, int], corrected_weight: float = 1.0
) -> SliceStack:
    """The slices of one example that somebody labelled, see `load_slices`; there may be none."""
    with load_failures(Path(example.image)):
        data = Compose(recipe.training_transforms(example))({"image": example.image, "label": example.label})
    stack = SliceStack(to_slices(data["image"]), to_slices(data["label"]).round().to(torch.uint8))
    weights = torch.full((len(stack),), example.weight)
    if "notes" in data:
        ignored, changed = data["notes"].as_tensor().flatten(1, 2).any(dim=1)
        weights[changed] *= corrected_weight
        stack, weights = stack.chosen(~ignored), weights[~ignored]
    unknown = set(stack.masks.unique().tolist()) - {0, *labels.values()}
    if unknown:
        raise LabelError(
            f"{example.label} holds the values {sorted(unknown)}, but the labels are {dict(labels)}: "
            "name every value or correct the mask."
        )
    return SliceStack(stack.images, stack.masks, None if (weights == 1).all() else weights)
