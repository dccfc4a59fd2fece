"""A labelled image as the evaluation sees it: reference labelmap, unit of length, direction of the slices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import nibabel as nib
import numpy as np
import numpy.typing as npt

from sdseg.errors import LabelError
from sdseg.volume.example import Example
from sdseg.volume.label import load_labelmap_of
from sdseg.volume.recipe import is_picture


@dataclass(frozen=True)
class Case:
    """An example with its reference in memory.

    Attributes:
        example: where it comes from.
        reference: (i, j, k) uint8 label values on the image's voxel grid.
    """

    example: Example
    reference: npt.NDArray[np.uint8]

    @property
    def is_picture(self) -> bool:
        """One slice without millimetres."""
        return is_picture(self.example.image)


def load_case(example: Example, labels: Mapping[str, int]) -> Case:
    """Read the reference of an example.

    Raises:
        InputError: a file cannot be read.
        LabelError: the mask is on another grid, or holds a value that `labels` does not name.
    """
    reference = load_labelmap_of(example)
    unknown = sorted(set(np.unique(reference).tolist()) - {0, *labels.values()})
    if unknown:
        raise LabelError(
            f"{example.label} holds the values {unknown}, but the labels are {dict(labels)}: "
            "name every value or correct the mask."
        )
    return Case(example, reference)


def spacing_of(affine: npt.NDArray[np.float64]) -> tuple[float, float, float]:
    """Distance of neighbouring voxels along i, j and k, in mm; 1 for pictures."""
    i, j, k = np.linalg.norm(affine[:3, :3], axis=0).tolist()
    return i, j, k


def slice_axis(affine: npt.NDArray[np.float64], orientation: str) -> int:
    """Which of i, j, k counts the slices the model sees: the one along the third letter of e.g. "LPS"."""
    wanted = next(axis for axis, letters in enumerate(("LR", "PA", "IS")) if orientation[2] in letters)
    return nib.io_orientation(affine)[:, 0].astype(int).tolist().index(wanted)
