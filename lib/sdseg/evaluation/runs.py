"""Segmenting one case with several noises."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sdseg.evaluation.cases import Case, slice_axis
from sdseg.evaluation.contestants import Contestant
from sdseg.evaluation.overlap import check_same_grid


@dataclass(frozen=True)
class Runs:
    """The predictions of one model for the images of one case that hold a structure, one run a noise.

    Attributes:
        probabilities: (runs, images, rows, columns) float32, of any structure.
        masks: same shape, bool: any structure predicted.
        reference: (images, rows, columns) bool, any structure.
    """

    probabilities: npt.NDArray[np.float32]
    masks: npt.NDArray[np.bool_]
    reference: npt.NDArray[np.bool_]


def predict_runs(contestant: Contestant, case: Case, seeds: Sequence[int], batch_size: int) -> Runs:
    """Segment one case once a seed; only slices whose reference holds a structure are kept."""
    probabilities: list[npt.NDArray[np.float32]] = []
    masks: list[npt.NDArray[np.bool_]] = []
    wanted = case.reference > 0
    axis, kept = 2, np.zeros(0, dtype=np.intp)
    for seed in seeds:
        result = contestant.segmenter.segment(case.example.image, case.example.modality, seed, batch_size)
        check_same_grid(result.labelmap, case.reference, case.example.id)
        if not masks:
            orientation = contestant.segmenter.card.recipe.orientation
            axis = 2 if case.is_picture else slice_axis(result.affine, orientation)
            kept = np.nonzero(np.moveaxis(wanted, axis, 0).any(axis=(1, 2)))[0]
        several = contestant.model.classes is not None
        foreground = 1 - result.probability[0] if several else result.probability[0]
        probabilities.append(np.moveaxis(foreground, axis, 0)[kept])
        masks.append(np.moveaxis(result.labelmap > 0, axis, 0)[kept])
    return Runs(np.stack(probabilities), np.stack(masks), np.moveaxis(wanted, axis, 0)[kept])
