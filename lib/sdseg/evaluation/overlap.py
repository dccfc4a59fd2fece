"""How far a prediction and a reference overlap: Dice and IoU, with the empty cases kept apart."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from sdseg.errors import LabelError


class Outcome(StrEnum):
    """Which of the two masks holds the structure."""

    SCORED = "scored"
    MISSED = "missed"  # the reference alone: Dice 0
    FALSE_POSITIVE = "false positive"  # the prediction alone: Dice 0
    BOTH_EMPTY = "both empty"  # neither: nothing to score


@dataclass(frozen=True)
class Overlap:
    """Numbers of pixels (voxels) of one structure in one image or volume.

    Attributes:
        shared: in prediction and reference.
        predicted: in the prediction.
        wanted: in the reference.
    """

    shared: int
    predicted: int
    wanted: int

    def __post_init__(self) -> None:
        if not 0 <= self.shared <= min(self.predicted, self.wanted):
            raise ValueError(f"{self.shared} pixels cannot be shared by {self.predicted} and {self.wanted}.")

    @property
    def outcome(self) -> Outcome:
        if self.predicted and self.wanted:
            return Outcome.SCORED
        if self.predicted:
            return Outcome.FALSE_POSITIVE
        return Outcome.MISSED if self.wanted else Outcome.BOTH_EMPTY

    @property
    def dice(self) -> float | None:
        """2 |P and R| / (|P| + |R|); None where both are empty."""
        total = self.predicted + self.wanted
        return 2 * self.shared / total if total else None

    @property
    def iou(self) -> float | None:
        """|P and R| / |P or R|; None where both are empty."""
        union = self.predicted + self.wanted - self.shared
        return self.shared / union if union else None

    @property
    def authors_dice(self) -> float:
        """As SDSeg's authors score: 1 for a false positive on an empty reference, 0 where both are empty."""
        if not self.wanted:
            return 1.0 if self.predicted else 0.0
        return self.dice or 0.0


def check_same_grid(prediction: npt.NDArray[np.integer], reference: npt.NDArray[np.integer], case: str) -> None:
    """Raise LabelError where the two do not have the same voxels."""
    if prediction.shape != reference.shape:
        raise LabelError(
            f"{case}: the prediction has {prediction.shape} voxels and the reference {reference.shape}: "
            "they are not on the same grid."
        )


def volume_overlap(prediction: npt.NDArray[np.bool_], reference: npt.NDArray[np.bool_]) -> Overlap:
    """Over all voxels, masks (i, j, k)."""
    return Overlap(int((prediction & reference).sum()), int(prediction.sum()), int(reference.sum()))


def slice_overlaps(
    prediction: npt.NDArray[np.bool_], reference: npt.NDArray[np.bool_], slice_axis: int
) -> list[Overlap]:
    """Of each slice on its own: masks (i, j, k), of which `slice_axis` counts the slices."""
    others = tuple({0, 1, 2} - {slice_axis})
    counts = ((prediction & reference).sum(axis=others), prediction.sum(axis=others), reference.sum(axis=others))
    return [Overlap(int(shared), int(p), int(r)) for shared, p, r in zip(*counts, strict=True)]
