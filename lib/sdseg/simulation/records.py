"""What is kept of a round."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from sdseg.simulation.annotator import NOTHING, Work, total

FIRST = "first"
"""In the place of a strategy: the model of the start, which all strategies of a seed share."""


@dataclass(frozen=True)
class Asked:
    """An image that was asked for, and the work on it with the model's help before this round and without."""

    image: str
    work: Work


@dataclass(frozen=True)
class Scored:
    """A candidate's uncertainty, and the model's Dice on it; None where there was nothing to compare."""

    image: str
    uncertainty: float | None
    dice: float | None


@dataclass(frozen=True)
class Round:
    """A model, and how it came about.

    Attributes:
        seed: of the simulation.
        strategy: who chose; FIRST for the start.
        number: of the round; 0 for the start.
        labels: images labelled by now.
        asked: those of this round.
        scored: the candidates, where the strategy scores them.
        dice: on each case of the validation part, after this round; None where a case and its prediction hold nothing.
        patients: of each case.
        validation: the work on the whole validation part with this model's help.
        judged: how many slices the validation part has.
        seconds: of choosing and training.
    """

    seed: int
    strategy: str
    number: int
    labels: int
    asked: tuple[Asked, ...]
    scored: tuple[Scored, ...] = ()
    dice: Mapping[str, float | None] = field(default_factory=dict)
    patients: Mapping[str, str] = field(default_factory=dict)
    validation: Work = NOTHING
    judged: int = 0
    seconds: float = 0.0

    def measured(self, dice: Mapping[str, float | None], patients: Mapping[str, str], work: list[Work]) -> Round:
        """The same round with what its model is worth."""
        return replace(self, dice=dice, patients=patients, validation=total(work), judged=len(work))

    @property
    def mean_dice(self) -> float:
        """Over the cases that have one; 0 where none has."""
        known = [dice for dice in self.dice.values() if dice is not None]
        return sum(known) / len(known) if known else 0.0

    @property
    def asked_work(self) -> Work:
        """On all images of this round together."""
        return total([item.work for item in self.asked])

    def to_dict(self) -> dict[str, Any]:
        """As JSON knows it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Round:
        """The opposite; KeyError or TypeError where something is missing or superfluous."""
        parts = {
            "asked": tuple(Asked(item["image"], Work(**item["work"])) for item in values["asked"]),
            "scored": tuple(Scored(**item) for item in values["scored"]),
            "validation": Work(**values["validation"]),
        }
        return cls(**{**values, **parts})
