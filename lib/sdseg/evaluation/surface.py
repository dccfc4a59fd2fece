"""How far apart the outlines are: HD95 and normalised surface Dice, from MONAI."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from monai.metrics import compute_hausdorff_distance, compute_surface_dice


@dataclass(frozen=True)
class SurfaceScore:
    """Of one structure.

    Attributes:
        hd95: the larger of the two directed 95th percentiles of the distances between the outlines, in the unit of
            the spacing; None where one of the masks is empty, because there is no distance then.
        surface_dice: share of both outlines that lies within the tolerance of the other; 0 where one mask is empty,
            None where both are.
    """

    hd95: float | None
    surface_dice: float | None


def surface_score(
    prediction: npt.NDArray[np.bool_],
    reference: npt.NDArray[np.bool_],
    spacing: Sequence[float],
    tolerance: float,
) -> SurfaceScore:
    """Compare the outlines of two masks.

    Args:
        prediction: two or three axes.
        reference: same shape.
        spacing: of the voxels, one number an axis, in mm (in pixels: 1).
        tolerance: in the unit of the spacing.
    """
    if not prediction.any() or not reference.any():
        return SurfaceScore(None, 0.0 if prediction.any() or reference.any() else None)
    masks = [torch.from_numpy(mask.astype(np.uint8))[None, None] for mask in (prediction, reference)]
    sizes = [float(size) for size in spacing]
    hd95 = compute_hausdorff_distance(*masks, include_background=True, percentile=95, spacing=sizes)
    dice = compute_surface_dice(*masks, class_thresholds=[tolerance], include_background=True, spacing=sizes)
    return SurfaceScore(float(hd95), float(dice))
