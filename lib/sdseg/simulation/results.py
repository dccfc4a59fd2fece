"""The rounds of a simulation by strategy and number, and how the strategies differ on the same seeds and cases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import mean

from sdseg.evaluation.bootstrap import Interval, bootstrap_mean
from sdseg.simulation.records import FIRST, Round


@dataclass(frozen=True)
class Spread:
    """A mean over the seeds, the lowest and the highest of them."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        largest = max(abs(self.low), abs(self.high))
        digits = 0 if largest >= 100 or self._whole else 1 if largest >= 10 else 3
        numbers = [f"{number:.{digits}f}" for number in (self.mean, self.low, self.high)]
        return numbers[0] if self.low == self.high else f"{numbers[0]} ({numbers[1]} to {numbers[2]})"

    @property
    def _whole(self) -> bool:
        return self.mean == int(self.mean) and self.low == int(self.low) and self.high == int(self.high)


def spread_of(values: Sequence[float]) -> Spread:
    """Of one value a seed, at least one."""
    return Spread(mean(values), min(values), max(values))


class Results:
    """Of all rounds done; a strategy whose course is not finished for a seed counts with the rounds it has.

    Args:
        rounds: see `Book.rounds`.
        strategies: those to show, in their order.
    """

    def __init__(self, rounds: Sequence[Round], strategies: Sequence[str]) -> None:
        self._rounds = {(done.seed, done.strategy, done.number): done for done in rounds}
        self.seeds = sorted({done.seed for done in rounds})
        self.numbers = sorted({done.number for done in rounds})
        known = {done.strategy for done in rounds}
        self.strategies = tuple(strategy for strategy in strategies if strategy in known)

    def of(self, strategy: str, number: int) -> list[Round]:
        """One a seed; number 0 is the start, which all strategies share."""
        name = strategy if number else FIRST
        found = [self._rounds.get((seed, name, number)) for seed in self.seeds]
        return [done for done in found if done is not None]

    def labels(self, number: int) -> int:
        """How many images are labelled by a round."""
        return next(done.labels for (_, _, n), done in self._rounds.items() if n == number)

    def spread(self, strategy: str, number: int, value: Callable[[Round], float]) -> Spread | None:
        """Of a value of each seed's round; None where no seed has come that far."""
        found = [value(done) for done in self.of(strategy, number)]
        return spread_of(found) if found else None

    @property
    def baseline(self) -> str:
        """What the others are compared with: the first of the strategies, unless it is asking at random."""
        return "random" if "random" in self.strategies else next(iter(self.strategies), "random")

    def difference(self, strategy: str, numbers: Sequence[int], by: str) -> Interval | None:
        """Dice of a strategy minus the baseline's, paired by seed, round and case.

        Args:
            strategy: the second.
            numbers: rounds to take together.
            by: whose luck the interval holds: "seed" or "patient".

        Returns:
            None where the two have nothing in common.
        """
        values, groups = [], []
        for number in numbers:
            for seed in self.seeds:
                one, other = (self._rounds.get((seed, name, number)) for name in (self.baseline, strategy))
                if one is None or other is None:
                    continue
                for case, dice in other.dice.items():
                    before = one.dice[case]
                    if dice is not None and before is not None:
                        values.append(dice - before)
                        groups.append(str(seed) if by == "seed" else one.patients[case])
        return bootstrap_mean(values, groups, signed=True)
