"""Running models over cases and scoring what they find."""

from __future__ import annotations

from collections.abc import Sequence

from sdseg.evaluation.case_scores import Scoring, score_case
from sdseg.evaluation.cases import load_case
from sdseg.evaluation.contestants import Contestant
from sdseg.evaluation.plan import Update
from sdseg.evaluation.records import Score
from sdseg.volume.example import Example


def score_cases(
    contestants: Sequence[Contestant],
    examples: Sequence[Example],
    scoring: Scoring,
    seed: int = 0,
    batch_size: int = 8,
    progress: Update | None = None,
) -> list[Score]:
    """Segment every example with every model and score it.

    Raises:
        InputError: an image cannot be read, or a model does not take its modality.
        LabelError: a mask does not belong to its image or holds unknown values.
    """
    scores: list[Score] = []
    for done, example in enumerate(examples):
        case = load_case(example, scoring.labels)
        for number, contestant in enumerate(contestants):
            if progress:
                progress(done * len(contestants) + number, len(examples) * len(contestants), example.id)
            result = contestant.segmenter.segment(example.image, example.modality, seed, batch_size)
            scores += score_case(case, result.labelmap, result.affine, contestant, scoring)
    if progress:
        progress(len(examples) * len(contestants), len(examples) * len(contestants), "")
    return scores
