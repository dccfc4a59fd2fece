"""What the uncertainty is worth: does it tell where the model is wrong?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import mean, median

import numpy as np
from scipy.stats import spearmanr

from sdseg.evaluation.report import Cell, Table
from sdseg.simulation.records import Round
from sdseg.simulation.results import Results, spread_of


@dataclass(frozen=True)
class Signal:
    """Of one round's candidates.

    Attributes:
        candidates: how many.
        empty: of these, in how many no noise found anything: they have no uncertainty.
        correlation: Spearman's, of uncertainty and 1 - Dice; None where one of them does not vary.
        uncertainty: the median.
        dice: mean of the candidates.
        asked_dice: mean of those that were asked for.
    """

    candidates: int
    empty: int
    correlation: float | None
    uncertainty: float | None
    dice: float | None
    asked_dice: float | None


def signal_of(done: Round) -> Signal | None:
    """None where the strategy scores nothing."""
    if not done.scored:
        return None
    pairs = [(s.uncertainty, 1 - s.dice) for s in done.scored if s.uncertainty is not None and s.dice is not None]
    unsure = [s.uncertainty for s in done.scored if s.uncertainty is not None]
    names = {item.image for item in done.asked}
    return Signal(
        len(done.scored),
        len(done.scored) - len(unsure),
        _spearman(np.array(pairs)),
        median(unsure) if unsure else None,
        _mean([s.dice for s in done.scored]),
        _mean([s.dice for s in done.scored if s.image in names]),
    )


def _spearman(pairs: np.ndarray) -> float | None:
    if len(pairs) < 3 or any(np.ptp(column) == 0 for column in pairs.T):
        return None
    return float(spearmanr(pairs[:, 0], pairs[:, 1]).statistic)


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return mean(known) if known else None


def signal_table(results: Results) -> Table | None:
    """What the uncertainty tells, round by round; None where no strategy scores."""
    rows = []
    for strategy in results.strategies:
        for number in results.numbers:
            signals = [found for done in results.of(strategy, number) if (found := signal_of(done))]
            if signals:
                rows.append(_row(strategy, results.labels(number - 1), signals))
    if not rows:
        return None
    heads = ("strategy", "images labelled before", "candidates", "nothing found in")
    values = (
        "Spearman, uncertainty and 1 − Dice",
        "median uncertainty",
        "Dice of the candidates",
        "of those asked for",
    )
    note = "Each candidate is compared with its truth, which no strategy sees. Mean over the seeds (lowest to highest)."
    return Table("signal", "What the uncertainty tells", (*heads, *values), tuple(rows), (note,))


def _row(strategy: str, labels: int, signals: list[Signal]) -> tuple[Cell, ...]:
    def told(value: Callable[[Signal], float | None]) -> str | None:
        known = [number for signal in signals if (number := value(signal)) is not None]
        return str(spread_of(known)) if known else None

    return (
        strategy,
        labels,
        told(lambda signal: signal.candidates),
        told(lambda signal: signal.empty),
        told(lambda signal: signal.correlation),
        told(lambda signal: signal.uncertainty),
        told(lambda signal: signal.dice),
        told(lambda signal: signal.asked_dice),
    )
