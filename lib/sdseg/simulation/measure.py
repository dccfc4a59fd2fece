"""What a model finds, and how well: on the model's own grid, by the single step and the noise of seed 0."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch

from sdseg.evaluation.dice import volume_dice
from sdseg.inference.batches import segment_slices
from sdseg.model.slice_model import SliceModel

Progress = Callable[[int, int], None]


def find(model: SliceModel, images: torch.Tensor, progress: Progress | None = None) -> torch.Tensor:
    """(slices, 1, i, j) uint8 label values; of a binary model 0 and 1.

    Args:
        model: in evaluation mode.
        images: (slices, 1 or 3, i, j) in [-1, 1].
        progress: called with (slices done, slices).
    """
    probability = segment_slices(model, images, progress=progress)
    if model.classes is not None:
        return probability.argmax(dim=1, keepdim=True).to(torch.uint8)
    return (probability > 0.5).to(torch.uint8)


def mean_dice(found: torch.Tensor, truth: torch.Tensor, labels: Mapping[str, int]) -> float | None:
    """The mean over the structures of Dice, (slices, 1, i, j) taken as one volume.

    A structure that neither holds does not count; None where that is so of all.
    """
    each = [volume_dice(found.numpy(), truth.numpy(), value) for value in labels.values()]
    known = [dice for dice in each if dice is not None]
    return sum(known) / len(known) if known else None


def dice_of_cases(
    found: torch.Tensor, truth: torch.Tensor, cases: Sequence[str], labels: Mapping[str, int]
) -> dict[str, float | None]:
    """Dice of each picture, and of all slices of a volume together, by the id of its example."""
    places: dict[str, list[int]] = {}
    for place, case in enumerate(cases):
        places.setdefault(case, []).append(place)
    return {case: mean_dice(found[chosen], truth[chosen], labels) for case, chosen in places.items()}
