"""How far a contestant's masks are from the baseline's, so that speed and agreement stand in one table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Agreement:
    """Attributes: Dice of the masks of all slices together (1 where both are empty); largest difference of a
    probability, or None where only masks are known."""

    dice: float
    difference: float | None = None


def agreement(probability: Any, reference: Any) -> Agreement:
    """Of two tensors of probabilities of one shape."""
    difference = float((probability - reference).abs().max())
    return Agreement(dice_of((probability > 0.5).numpy(), (reference > 0.5).numpy()), difference)


def dice_of(mask: npt.NDArray[Any], reference: npt.NDArray[Any]) -> float:
    """Of two arrays of label values; what is not 0 and equal counts as common."""
    total = np.count_nonzero(mask) + np.count_nonzero(reference)
    return 2 * np.count_nonzero((mask == reference) & (mask != 0)) / total if total else 1.0
