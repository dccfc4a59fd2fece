"""The order in which to ask: unsure images first, but none that resembles what is labelled or already asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sdseg.selection.score import Embedding, Score


@dataclass(frozen=True)
class Ranked:
    """An image in its place.

    Attributes:
        id: of the image.
        value: uncertainty x novelty, by which it was chosen.
        uncertainty: as scored; None where there was none, see `rank`.
        novelty: distance of its embedding to the nearest one that was labelled or chosen before, 0 to 2; 1 where there
            was none yet.
    """

    id: str
    value: float
    uncertainty: float | None
    novelty: float


def rank(scores: Mapping[str, Score], labelled: Sequence[Embedding], count: int | None = None) -> list[Ranked]:
    """The best image first, each chosen knowing those before it.

    Greedy: the next one is that of the largest uncertainty x distance, where the distance is the Euclidean one between
    embeddings of length 1 to the nearest that is labelled or chosen (Sener and Savarese's k-center, ICLR 2018,
    arXiv 1708.00489, weighted by the uncertainty). Ten images that are nearly the same are so asked for once.

    An image without uncertainty, in which nothing was found, may hold nothing or what the model does not know yet: it
    counts as much as the median of the others. Without any uncertainty at all the distance alone decides. Equal values
    are ordered by id.

    Args:
        scores: image -> its score, embeddings all of one model.
        labelled: embeddings, of the same model, of what is labelled or being labelled.
        count: how many to choose; None for all.
    """
    ids = sorted(scores)
    if not ids:
        return []
    embeddings = np.stack([scores[image].embedding for image in ids]).astype(np.float64)
    uncertainty = _filled([scores[image].uncertainty for image in ids])
    nearest = np.full(len(ids), np.inf)
    for known in labelled:
        nearest = np.minimum(nearest, _distances(embeddings, known))
    left = np.ones(len(ids), dtype=bool)
    chosen: list[Ranked] = []
    for _ in range(len(ids) if count is None else min(count, len(ids))):
        novelty = np.where(np.isinf(nearest), 1.0, nearest)
        value = uncertainty * novelty
        best = int(np.where(left, value, -1.0).argmax())  # the first of equal ones
        left[best] = False
        score = scores[ids[best]]
        chosen.append(Ranked(ids[best], float(value[best]), score.uncertainty, float(novelty[best])))
        nearest = np.minimum(nearest, _distances(embeddings, score.embedding))
    return chosen


def _filled(values: list[float | None]) -> np.ndarray:
    known = [value for value in values if value is not None]
    middle = float(np.median(known)) if known else 1.0
    return np.array([middle if value is None else value for value in values])


def _distances(embeddings: np.ndarray, one: Embedding) -> np.ndarray:
    return np.linalg.norm(embeddings - one, axis=1)
