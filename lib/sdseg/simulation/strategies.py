"""Who chooses the next images: at random, or by what the model is unsure of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

import torch

from sdseg.errors import UnknownNameError
from sdseg.selection import Score, rank, score_slices
from sdseg.simulation.measure import find
from sdseg.simulation.pool import Pool
from sdseg.training.draws import seed_of

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Question:
    """What a strategy knows when it is asked for the next images.

    Attributes:
        model: the pipeline as it is now.
        pool: all images.
        labelled: places in the pool that are labelled.
        candidates: places that may be chosen.
        count: how many to choose.
        noises: of the uncertainty.
        seed: of this round.
        progress: called with (slices scored, slices).
    """

    model: Any
    pool: Pool
    labelled: Sequence[int]
    candidates: Sequence[int]
    count: int
    noises: int
    seed: int
    progress: Progress | None = None


@dataclass(frozen=True)
class Answer:
    """The chosen places in the pool, best first, and the uncertainty of each candidate, where it was measured."""

    chosen: tuple[int, ...]
    uncertainty: Mapping[int, float | None]


def at_random(question: Question) -> Answer:
    """Each candidate is as likely as any other."""
    generator = torch.Generator().manual_seed(seed_of(question.seed, 1))
    order = torch.randperm(len(question.candidates), generator=generator)[: question.count]
    return Answer(tuple(question.candidates[place] for place in order.tolist()), {})


def by_uncertainty(question: Question) -> Answer:
    """What the server's strategy of that name does: disagreement of the noises times novelty in latent space."""
    scores = _scores(question)
    return Answer(_ranked(question, scores), _uncertainty(scores))


def by_uncertainty_alone(question: Question) -> Answer:
    """The most uncertain, however much alike they are (ablation); where nothing was found, the median counts."""
    values = _uncertainty(_scores(question))
    known = [value for value in values.values() if value is not None]
    middle = median(known) if known else 0.0
    order = sorted(values, key=lambda place: middle if values[place] is None else values[place] or 0.0, reverse=True)
    return Answer(tuple(order[: question.count]), values)


def by_outline(question: Question) -> Answer:
    """As `by_uncertainty`, the uncertainty times the square root of the area found.

    A band of one width along the outline is a larger share of a small structure, as 1 / root of its area. Taken times
    that root, the uncertainty tells how wide the band is: a structure is not asked for because it is small.
    """
    scores = _scores(question)
    found = find(question.model, question.pool.images(question.candidates))
    area = (found > 0).flatten(1).float().mean(dim=1).sqrt().tolist()
    wide = {place: _times(score, root) for (place, score), root in zip(scores.items(), area, strict=True)}
    return Answer(_ranked(question, wide), _uncertainty(wide))


def by_diversity(question: Question) -> Answer:
    """What lies farthest from all that is labelled, whatever the model thinks of it (ablation)."""
    found = score_slices(question.model, question.pool.images(question.candidates), noises=0)
    return Answer(_ranked(question, dict(zip(question.candidates, found, strict=True))), {})


def _ranked(question: Question, scores: Mapping[int, Score]) -> tuple[int, ...]:
    """The places that `selection.rank` chooses, knowing what is labelled."""
    known = score_slices(question.model, question.pool.images(question.labelled), noises=0)
    named = {str(place): score for place, score in scores.items()}
    ranked = rank(named, [score.embedding for score in known], question.count)
    return tuple(int(item.id) for item in ranked)


def _scores(question: Question) -> dict[int, Score]:
    images = question.pool.images(question.candidates)
    found = score_slices(question.model, images, question.noises, question.seed, progress=question.progress)
    return dict(zip(question.candidates, found, strict=True))


def _uncertainty(scores: Mapping[int, Score]) -> dict[int, float | None]:
    return {place: score.uncertainty for place, score in scores.items()}


def _times(score: Score, factor: float) -> Score:
    return score if score.uncertainty is None else replace(score, uncertainty=score.uncertainty * factor)


STRATEGIES: dict[str, Callable[[Question], Answer]] = {
    "random": at_random,
    "sdseg_uncertainty": by_uncertainty,
    "uncertainty_alone": by_uncertainty_alone,
    "uncertainty_outline": by_outline,
    "diversity": by_diversity,
}


def check_strategies(names: Sequence[str]) -> None:
    """Raise UnknownNameError unless all of `names` are strategies, and there is one."""
    odd = [name for name in names if name not in STRATEGIES]
    if odd or not names:
        raise UnknownNameError(f"There is no strategy '{odd[0] if odd else ''}': choose of {', '.join(STRATEGIES)}.")
