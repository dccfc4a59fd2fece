"""Is one model better than another on the same cases? Paired difference, Wilcoxon's test, Holm's correction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import wilcoxon

from sdseg.evaluation.bootstrap import Interval, bootstrap_mean, group_sums
from sdseg.evaluation.records import Score


@dataclass(frozen=True)
class Comparison:
    """Second model minus first, on the items which both have a figure for.

    Attributes:
        difference: mean and interval over the items.
        p: Wilcoxon signed-rank, two-sided, on the mean difference of each group; 1 where all are zero.
    """

    difference: Interval
    p: float


def compare(first: Iterable[Score], second: Iterable[Score], seed: int = 0) -> Comparison | None:
    """Compare the scores of two models, of one metric, structure and level; None without a common item."""
    before = {score.item: score.value for score in first if score.value is not None}
    pairs = [
        (score.value - before[score.item], score.group)
        for score in second
        if score.value is not None and score.item in before
    ]
    differences, groups = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    interval = bootstrap_mean(differences, groups, seed, signed=True)
    return None if interval is None else Comparison(interval, signed_rank(differences, groups))


def signed_rank(differences: Sequence[float], groups: Sequence[str]) -> float:
    """Two-sided p of Wilcoxon's signed-rank test on the groups' mean differences."""
    sums, counts = group_sums(differences, groups)
    means = sums / counts
    return float(wilcoxon(means).pvalue) if np.any(means != 0) else 1.0


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction, in the order given: the chance of any false alarm among all stays as stated."""
    order = np.argsort(p_values)
    number = len(p_values)
    corrected = np.empty(number)
    running = 0.0
    for rank, index in enumerate(order):
        running = max(running, min(1.0, (number - rank) * p_values[index]))
        corrected[index] = running
    return corrected.tolist()
