"""MONAI Label's strategies: in which order the images are given to those who ask."""

import random
import time
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, Protocol

from monailabel.interfaces.datastore import Datastore
from monailabel.interfaces.tasks.strategy import Strategy

from sdseg.selection import Score, rank
from sdseg_app.selection.pool import Candidate, Pool

Scores = Mapping[str, Score]
"""Image -> its score, all by the same weights."""


@dataclass(frozen=True)
class Choice:
    """A candidate in its place; `weight` is what put it there, `told` what else is said about it."""

    candidate: Candidate
    weight: float
    told: dict[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Known:
    """What a strategy may go by.

    Attributes:
        pool: the images.
        last_given: image -> when anybody was last given it, in seconds since the epoch.
        busy: images that somebody is on.
        scores: gives the scores of the weights being served, then those of earlier ones.
    """

    pool: Pool
    last_given: Mapping[str, float] = field(default_factory=dict)
    busy: frozenset[str] = frozenset()
    scores: Callable[[], list[Scores]] = list


class Giver(Protocol):
    """Who gives images away: `Selection`."""

    def next(self, strategy: "Ordered", annotator: str, reserve: bool) -> dict[str, Any] | None: ...


class Ordered(Strategy):
    """A strategy that says in which order; `giver` sees to it that no two people get the same."""

    def __init__(self, description: str, giver: Giver) -> None:
        super().__init__(description)
        self._giver = giver

    def __call__(self, request: dict[str, Any], datastore: Datastore) -> dict[str, Any] | None:
        """`id` and `weight` of the next image for `request["annotator"]`, until when it is his where the request says
        `reserve`, and what else the strategy tells; None when nothing is left."""
        return self._giver.next(self, str(request.get("annotator", "")), bool(request.get("reserve", True)))

    @abstractmethod
    def order(self, known: Known) -> list[Choice]:
        """All images that are to be labelled, the first one first."""


class RandomImage(Ordered):
    """The likelier the longer ago anybody was given it."""

    def __init__(self, giver: Giver) -> None:
        super().__init__("Random Strategy", giver)

    def order(self, known: Known) -> list[Choice]:
        now = time.time()
        drawn = []
        for one in known.pool.open:
            weight = max(1.0, now - known.last_given.get(one.image, 0.0))
            # Efraimidis and Spirakis 2006: sorted by such times, it is drawing by weight without putting back.
            drawn.append((random.expovariate(weight), Choice(one, int(weight))))
        return [choice for _, choice in sorted(drawn, key=itemgetter(0))]


class FirstImage(Ordered):
    """Study by study, in the order of their UIDs, or of the names of files: the same for everybody at any time."""

    def __init__(self, giver: Giver) -> None:
        super().__init__("First Strategy: study by study, in a fixed order", giver)

    def order(self, known: Known) -> list[Choice]:
        return [Choice(one, 1) for one in known.pool.open]


class MostInformative(Ordered):
    """The image of which the model is least sure and that resembles none that is labelled or being labelled.

    Images without score come after those with one, in the order of `first`; scores of earlier weights count where the
    weights being served have made none yet.
    """

    def __init__(self, giver: Giver) -> None:
        super().__init__("SDSeg's disagreement between noises, and novelty", giver)

    def order(self, known: Known) -> list[Choice]:
        ordered = by_information(known)
        there = {choice.candidate for choice in ordered}
        return ordered + [Choice(one, 0) for one in known.pool.open if one not in there]


def by_information(known: Known) -> list[Choice]:
    """The images that have a score, the most informative first."""
    left = {one.image: one for one in known.pool.open}
    near = known.busy | {one.image for one in known.pool.labelled}
    ordered = []
    for scores in known.scores():
        embeddings = [scores[image].embedding for image in sorted(near) if image in scores]
        for one in rank({image: scores[image] for image in left if image in scores}, embeddings):
            told = {"uncertainty": one.uncertainty, "novelty": one.novelty}
            ordered.append(Choice(left.pop(one.id), one.value, told))
    return ordered
