"""Volume Dice: which voxels two labelmaps share."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sdseg.errors import LabelError


def volume_dice(prediction: npt.NDArray[np.integer], reference: npt.NDArray[np.integer], value: int) -> float | None:
    """2 |P and R| / (|P| + |R|) over all voxels of a volume that hold `value`.

    Args:
        prediction: (i, j, k) label values.
        reference: same shape.
        value: of the structure.

    Returns:
        Dice in [0, 1]; None where neither holds the structure: there is nothing to score.

    Raises:
        LabelError: the shapes differ.
    """
    if prediction.shape != reference.shape:
        raise LabelError(
            f"The prediction has {prediction.shape} voxels and the reference {reference.shape}: "
            "they are not on the same grid."
        )
    p, r = prediction == value, reference == value
    total = int(p.sum()) + int(r.sum())
    return 2 * int((p & r).sum()) / total if total else None
