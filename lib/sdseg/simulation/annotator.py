"""What an annotator who knows the truth would have to paint, with the model's help and without it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Work:
    """Voxels, on the model's grid.

    Attributes:
        helped: where the prediction differs from the truth, another structure's value included: each is painted or
            erased. More than `alone` where the prediction is a hindrance.
        alone: voxels of the truth: each is painted on an empty image.
    """

    helped: int
    alone: int

    def minutes_saved(self, voxels_a_minute: float) -> float:
        """Minutes of painting that the model's help saves; less than 0 where it costs some."""
        return (self.alone - self.helped) / voxels_a_minute


def work_on(found: torch.Tensor, truth: torch.Tensor) -> list[Work]:
    """The work on each slice.

    Args:
        found: (slices, 1, i, j) label values that the model predicts.
        truth: the same of the truth.

    Raises:
        ValueError: the shapes differ.
    """
    if found.shape != truth.shape:
        raise ValueError(f"the prediction has the shape {tuple(found.shape)}, the truth {tuple(truth.shape)}")
    helped = (found != truth).flatten(1).sum(dim=1)
    alone = (truth > 0).flatten(1).sum(dim=1)
    return [Work(int(one), int(other)) for one, other in zip(helped, alone, strict=True)]


def total(work: Iterable[Work]) -> Work:
    """All of it together."""
    each = list(work)
    return Work(sum(item.helped for item in each), sum(item.alone for item in each))


NOTHING = Work(0, 0)
