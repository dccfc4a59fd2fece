"""Voxel grids, and the flips and permutations between two that are the same."""

from dataclasses import dataclass

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from sdseg.errors import LabelError

GRID_TOLERANCE = 0.01
"""Largest distance of a mask voxel from its image voxel, in voxels.

A thousandth would refuse masks from programs that round the orientation of an oblique series to four digits; a
hundredth is still far from any mask of another image.
"""


@dataclass(frozen=True, eq=False)
class Grid:
    """`shape` (i, j, k) and the 4x4 `affine` from index (i, j, k) to RAS mm."""

    shape: tuple[int, int, int]
    affine: NDArray[np.float64]

    def __str__(self) -> str:
        size = " x ".join(map(str, self.shape))
        spacing = " x ".join(f"{mm:.4g}" for mm in np.linalg.norm(self.affine[:3, :3], axis=0))
        origin = ", ".join(f"{mm:.2f}" for mm in self.affine[:3, 3])
        axes = "".join(str(code) for code in nib.aff2axcodes(self.affine))
        return f"{size} voxels of {spacing} mm, axes {axes}, from ({origin}) mm"


def on_grid(values: NDArray, mask: Grid, image: Grid, name: str) -> NDArray:
    """`values` (i, j, k) of the mask, turned to the axes of the image; LabelError says both grids if they differ."""
    turn = turn_between(mask, image)
    if turn is None:
        raise LabelError(
            f"{name} does not lie on the grid of the image: the mask has {mask}, the image {image}; "
            "save the mask on the grid of the image."
        )
    axes, flipped = turn
    return np.flip(values.transpose(axes), flipped)


def turn_between(mask: Grid, image: Grid) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """For each image axis the mask axis it is, and the image axes to flip; None where the grids differ."""
    if not np.isfinite(mask.affine).all() or np.linalg.det(mask.affine) == 0:
        return None
    exact = np.linalg.inv(mask.affine) @ image.affine
    steps = np.round(exact[:3, :3])
    if not ((np.abs(steps).sum(axis=0) == 1).all() and (np.abs(steps).sum(axis=1) == 1).all()):
        return None
    axes = tuple(int(axis) for axis in np.abs(steps).argmax(axis=0))
    flipped = tuple(i for i in range(3) if steps[axes[i], i] < 0)
    if tuple(mask.shape[axis] for axis in axes) != image.shape:
        return None
    expected = np.eye(4)
    expected[:3, :3] = steps
    for i in flipped:
        expected[axes[i], 3] = image.shape[i] - 1
    return (axes, flipped) if farthest(exact - expected, image.shape) <= GRID_TOLERANCE else None


def farthest(difference: NDArray[np.float64], shape: tuple[int, int, int]) -> float:
    """Largest length, in voxels, of a difference of two index matrices over the corners of a grid."""
    corners = np.array([[i, j, k, 1] for i in (0, 1) for j in (0, 1) for k in (0, 1)], dtype=float)
    corners[:, :3] *= np.array(shape) - 1
    return float(np.abs(difference @ corners.T).max())
