"""From the scores of two models on the same images to a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sdseg.evaluation.bootstrap import bootstrap_mean
from sdseg.evaluation.overlap import Overlap
from sdseg.judging.judgement import ClassJudgement

_SHOWN = 3  # structures that a sentence names


@dataclass(frozen=True)
class Pair:
    """Dice of champion and challenger on one image of one patient (`group`)."""

    group: str
    champion: float
    challenger: float


def pair_of(champion: Overlap, challenger: Overlap) -> tuple[float, float] | None:
    """The Dice of both; None where neither label nor masks hold the structure.

    Where the label does not hold it, a mask with a voxel of it scores 0 and one without scores 1: else a false
    positive beside a right answer would count for nothing.
    """
    if champion.dice is None and challenger.dice is None:
        return None
    return (1.0 if champion.dice is None else champion.dice, 1.0 if challenger.dice is None else challenger.dice)


def compare(structure: str, pairs: Sequence[Pair], margin: float, seed: int = 0) -> ClassJudgement:
    """One structure: the paired difference, its 95% interval by drawing patients, and whether it is too bad.

    The lower bound decides; with fewer than two patients, where there is none, the mean.
    """
    differences = [pair.challenger - pair.champion for pair in pairs]
    found = bootstrap_mean(differences, [pair.group for pair in pairs], seed, signed=True)
    if found is None:
        return ClassJudgement(structure, None, None, None, None, None, 0, 0, False)
    decides = found.mean if found.low is None else found.low
    return ClassJudgement(
        structure=structure,
        champion=float(np.mean([pair.champion for pair in pairs])),
        challenger=float(np.mean([pair.challenger for pair in pairs])),
        difference=found.mean,
        low=found.low,
        high=found.high,
        images=found.items,
        patients=found.groups,
        worse=decides < -margin - 1e-9,  # what rounding leaves of equal scores is not worse
        scores=tuple((round(pair.champion, 6), round(pair.challenger, 6)) for pair in pairs),
    )


def decide(classes: Sequence[ClassJudgement], margin: float, unreadable: int) -> tuple[bool, str]:
    """Whether the challenger may be served, and one sentence that says why."""
    worse, scored = [each for each in classes if each.worse], [each for each in classes if each.images]
    left_out = _left_out(classes, unreadable)
    if not scored:
        return (
            False,
            f"Not served: the validation images show none of the structures, so nothing can be told{left_out}.",
        )
    alone = any(each.patients < 2 for each in scored)
    one = "; from one patient there is no interval, so the mean decided" if alone else ""
    if not worse:
        return True, f"Not worse by more than {margin:g} on any structure: {_listed(scored)}{one}{left_out}."
    unsure = all(each.difference is not None and each.difference >= -margin for each in worse)
    why = f"is worse by more than {margin:g}"
    if unsure:
        why = f"may be worse by more than {margin:g}, and more validation patients would tell"
    return False, f"Not served: the challenger {why}: {_listed(worse)}{one}{left_out}."


def _left_out(classes: Sequence[ClassJudgement], unreadable: int) -> str:
    """What the judgement does not rest on."""
    unseen = [each.structure for each in classes if not each.images]
    more = f" and {len(unseen) - _SHOWN} more" if len(unseen) > _SHOWN else ""
    not_judged = f"; not judged, for no validation image shows it: {', '.join(unseen[:_SHOWN])}{more}"
    not_read = f"; {unreadable} validation image{'' if unreadable == 1 else 's'} could not be read"
    return (not_judged if 0 < len(unseen) < len(classes) else "") + (not_read if unreadable else "")


def _listed(classes: Sequence[ClassJudgement]) -> str:
    shown = "; ".join(_said(each) for each in classes[:_SHOWN])
    return f"{shown} and {len(classes) - _SHOWN} more" if len(classes) > _SHOWN else shown


def _said(each: ClassJudgement) -> str:
    interval = "" if each.low is None else f" [{each.low:+.3f}, {each.high:+.3f}]"
    who = f"{each.patients} patient{'' if each.patients == 1 else 's'}"
    figures = f"Dice {each.challenger:.3f} after {each.champion:.3f}, {each.difference:+.3f}{interval}"
    return f"{each.structure} {figures}, {who}"
