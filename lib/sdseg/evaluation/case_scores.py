"""Scoring one prediction, on the image's own voxel grid."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sdseg.evaluation.cases import Case, slice_axis, spacing_of
from sdseg.evaluation.contestants import Contestant
from sdseg.evaluation.overlap import Outcome, Overlap, check_same_grid, slice_overlaps, volume_overlap
from sdseg.evaluation.records import MEAN_OF_STRUCTURES, Level, Metric, Score
from sdseg.evaluation.surface import surface_score


@dataclass(frozen=True)
class Scoring:
    """How cases are scored.

    Attributes:
        labels: structure name -> value.
        tolerance: of the surface Dice, in mm for volumes, in pixels for pictures.
        surfaces: whether to measure distances of outlines at all.
    """

    labels: Mapping[str, int]
    tolerance: float = 2.0
    surfaces: bool = True


def score_case(
    case: Case,
    labelmap: npt.NDArray[np.uint8],
    affine: npt.NDArray[np.float64],
    contestant: Contestant,
    scoring: Scoring,
) -> list[Score]:
    """All scores of one prediction.

    Args:
        case: with the reference.
        labelmap: (i, j, k) label values predicted.
        affine: (4, 4), voxel index to RAS mm.
        contestant: who predicted it.
        scoring: labels and tolerance.
    """
    check_same_grid(labelmap, case.reference, case.example.id)
    axis = 2 if case.is_picture else slice_axis(affine, contestant.segmenter.card.recipe.orientation)
    scores: list[Score] = []
    for structure, value in scoring.labels.items():
        prediction, reference = labelmap == value, case.reference == value
        scorer = _Scorer(case, contestant, structure)
        for number, overlap in enumerate(slice_overlaps(prediction, reference, axis)):
            scores += scorer.overlaps(overlap, Level.IMAGE, number)
        whole = volume_overlap(prediction, reference)
        if not case.is_picture:
            scores += scorer.overlaps(whole, Level.VOLUME, None)
        if scoring.surfaces:
            scores += scorer.surfaces(prediction, reference, affine, scoring.tolerance, whole.outcome)
    return scores + list(means_of_structures(scores)) if len(scoring.labels) > 1 else scores


@dataclass(frozen=True)
class _Scorer:
    """Makes the scores of one structure in one case."""

    case: Case
    contestant: Contestant
    structure: str

    def overlaps(self, overlap: Overlap, level: Level, number: int | None) -> list[Score]:
        values = {
            Metric.DICE: overlap.dice,
            Metric.IOU: overlap.iou,
            Metric.AUTHORS_DICE: overlap.authors_dice,
        }
        return [self._score(level, number, metric, value, overlap.outcome) for metric, value in values.items()]

    def surfaces(
        self,
        prediction: npt.NDArray[np.bool_],
        reference: npt.NDArray[np.bool_],
        affine: npt.NDArray[np.float64],
        tolerance: float,
        outcome: Outcome,
    ) -> list[Score]:
        """In two dimensions and pixels for a picture, in three and mm for a volume."""
        if self.case.is_picture:
            level, number = Level.IMAGE, 0
            found = surface_score(prediction[..., 0], reference[..., 0], (1, 1), tolerance)
        else:
            level, number = Level.VOLUME, None
            found = surface_score(prediction, reference, spacing_of(affine), tolerance)
        values = {Metric.HD95: found.hd95, Metric.SURFACE_DICE: found.surface_dice}
        return [self._score(level, number, metric, value, outcome) for metric, value in values.items()]

    def _score(self, level: Level, number: int | None, metric: Metric, value: float | None, outcome: Outcome) -> Score:
        example, who = self.case.example, self.contestant
        return Score(
            example.id, example.group, who.name, who.steps, self.structure, level, number, metric, value, outcome
        )


def means_of_structures(scores: Sequence[Score]) -> Iterator[Score]:
    """For each item and metric the mean over the structures that have a figure there."""
    together: dict[tuple[Level, int | None, Metric], list[Score]] = {}
    for score in scores:
        together.setdefault((score.level, score.slice, score.metric), []).append(score)
    for (level, number, metric), group in together.items():
        values = [score.value for score in group if score.value is not None]
        outcomes = {score.outcome for score in group}
        outcome = Outcome.BOTH_EMPTY if outcomes == {Outcome.BOTH_EMPTY} else Outcome.SCORED
        mean = float(np.mean(values)) if values else None
        first = group[0]
        yield Score(
            first.case, first.group, first.model, first.steps, MEAN_OF_STRUCTURES, level, number, metric, mean, outcome
        )
