"""Looking scores up and taking their means."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from sdseg.evaluation.bootstrap import Interval, bootstrap_mean
from sdseg.evaluation.records import Level, Metric, Score

_Key = tuple[str, str, Level, Metric]


@dataclass(frozen=True)
class ScoreBook:
    """Scores to look up.

    Attributes:
        scores: of any models.
        seed: of the bootstrap.
        resamples: of the bootstrap.
    """

    scores: Sequence[Score]
    seed: int = 0
    resamples: int = 10_000

    @cached_property
    def _shelves(self) -> dict[_Key, list[Score]]:
        """Hundreds of thousands of scores are not searched for every cell."""
        shelves: dict[_Key, list[Score]] = {}
        for score in self.scores:
            shelves.setdefault((score.model, score.structure, score.level, score.metric), []).append(score)
        return shelves

    def select(self, model: str, structure: str, level: Level, metric: Metric, steps: int | None = None) -> list[Score]:
        """The scores of one model, structure, level and metric, and of one number of steps where it is given."""
        found = self._shelves.get((model, structure, level, metric), [])
        return [score for score in found if steps in (None, score.steps)]

    def mean(self, scores: Iterable[Score]) -> Interval | None:
        """Their mean with its interval; those without a value are left out."""
        kept = [score for score in scores if score.value is not None]
        values = [score.value for score in kept if score.value is not None]
        return bootstrap_mean(values, [score.group for score in kept], self.seed, self.resamples)

    @property
    def models(self) -> list[str]:
        return list(dict.fromkeys(score.model for score in self.scores))

    @property
    def structures(self) -> list[str]:
        """The mean of several comes last."""
        return list(dict.fromkeys(score.structure for score in self.scores))

    @property
    def levels(self) -> list[Level]:
        """Volume first, where there are volumes."""
        return [level for level in (Level.VOLUME, Level.IMAGE) if any(score.level == level for score in self.scores)]
