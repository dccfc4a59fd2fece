"""One number for how sure a segmentation is: by how much the masks of several noises differ from each other.

Of N masks, the Dice between any two of them, averaged over all pairs as a ratio of sums (the sum of what the pairs
share over the sum of what they hold), so that a structure of three voxels does not swing it. From how many of the
masks hold each voxel it follows without looking at a pair: with n(v) masks in voxel v,

    Dice = sum of n(v) (n(v) - 1)  /  ((N - 1) * sum of n(v))

The uncertainty is 1 - Dice: 0 where all noises draw the same, 1 where no two share a voxel. See Dice, "Measures of the
Amount of Ecologic Association Between Species", Ecology 26 (1945), and for pairs of samples of one model
Roy et al., "Bayesian QuickNAT", NeuroImage 195 (2019), arXiv 1811.09800.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.uint8]


def pair_disagreement(counts: Counts, masks: int) -> float | None:
    """1 - mean Dice over all pairs of masks.

    Args:
        counts: how many of the masks hold each voxel, (i, j, k).
        masks: how many there are.

    Returns:
        0 to 1; None for fewer than two masks, or where none of them holds a voxel: there is nothing to compare.
    """
    held = int(counts.sum(dtype=np.int64))
    squares = sum(int(np.square(plane, dtype=np.uint32).sum(dtype=np.int64)) for plane in counts)  # little memory
    return disagreement_of_sums(squares, held, masks)


def disagreement_of_sums(squares: float, held: float, masks: int) -> float | None:
    """The same from the sum of the squared counts and the sum of the counts."""
    if masks < 2 or not held:
        return None
    return 1.0 - (squares - held) / ((masks - 1) * held)


def overall(disagreements: Mapping[str, float | None]) -> float | None:
    """One number of an image: the mean over its structures. A structure that no noise found does not count.

    None: nothing was found at all, or there was one noise alone.
    """
    known = [value for value in disagreements.values() if value is not None]
    return sum(known) / len(known) if known else None
