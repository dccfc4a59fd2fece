"""Means with a 95% interval from resampling patients, not images: images of one patient are alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

RESAMPLES = 10_000


@dataclass(frozen=True)
class Interval:
    """A mean and where 95% of the resampled means lie.

    Attributes:
        mean: over all items.
        low: 2.5th percentile; None where fewer than two groups leave nothing to resample.
        high: 97.5th percentile, or None.
        items: how many figures.
        groups: from how many patients or videos.
        signed: a difference, written with its sign.
    """

    mean: float
    low: float | None
    high: float | None
    items: int
    groups: int
    signed: bool = False

    def __str__(self) -> str:
        sign = "+" if self.signed else ""
        digits = 3 if abs(self.mean) < 10 else 1
        numbers = [f"{number:{sign}.{digits}f}" for number in (self.mean, self.low, self.high) if number is not None]
        return numbers[0] if len(numbers) == 1 else f"{numbers[0]} [{numbers[1]}, {numbers[2]}]"


def bootstrap_mean(
    values: Sequence[float], groups: Sequence[str], seed: int = 0, resamples: int = RESAMPLES, signed: bool = False
) -> Interval | None:
    """The mean of all values, its interval by drawing whole groups with replacement (percentile bootstrap).

    Args:
        values: one an item.
        groups: patient or video of each item.
        seed: of the draws.
        resamples: number of draws.
        signed: the values are differences.

    Returns:
        None where there are no values.
    """
    if not len(values):
        return None
    sums, counts = group_sums(values, groups)
    mean, number = float(sums.sum() / counts.sum()), len(sums)
    if number < 2:
        return Interval(mean, None, None, len(values), number, signed)
    generator = np.random.default_rng(seed)
    drawn = generator.multinomial(number, np.full(number, 1 / number), size=resamples)  # (resamples, groups)
    low, high = np.percentile((drawn @ sums) / (drawn @ counts), [2.5, 97.5])
    return Interval(mean, float(low), float(high), len(values), number, signed)


def group_sums(
    values: Sequence[float], groups: Sequence[str]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Sum and number of the values of each group, in the order of the groups' names."""
    names, where = np.unique(np.asarray(groups), return_inverse=True)
    sums = np.bincount(where, weights=np.asarray(values, dtype=np.float64), minlength=len(names))
    return sums.astype(np.float64), np.bincount(where, minlength=len(names)).astype(np.float64)
