"""Turning a volume to anatomical directions; pictures have none and stay as they are."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import nibabel as nib
import numpy as np
import numpy.typing as npt
from monai.transforms import Orientationd

from sdseg.volume.series_reader import IS_PICTURE


def slice_axis(affine: npt.NDArray[np.float64], axcodes: str) -> tuple[int, bool]:
    """Which axis (0, 1, 2) of an image becomes the third when it is turned to `axcodes`, and whether it is flipped.

    Args:
        affine: (4, 4), voxel index to RAS mm.
        axcodes: anatomical directions of (i, j, k), as in `Recipe.orientation`.
    """
    turn = nib.orientations.ornt_transform(
        nib.orientations.io_orientation(affine), nib.orientations.axcodes2ornt(tuple(axcodes))
    )
    axis = int(np.flatnonzero(turn[:, 0] == 2)[0])
    return axis, bool(turn[axis, 1] < 0)


class OrientVolumed(Orientationd):
    """MONAI's `Orientationd` (and its inverse), which leaves pictures in DICOM alone as it would a PNG.

    The file's suffix does not tell a DICOM picture from a volume; what `like`, the image, noted when it was read does.
    """

    def __init__(self, keys: Any, axcodes: str, like: Hashable = "image") -> None:
        super().__init__(keys, axcodes=axcodes, labels=None)
        self.like = like

    def __call__(self, data: Mapping[Hashable, Any], lazy: bool | None = None) -> dict[Hashable, Any]:
        return dict(data) if self._is_picture(data) else super().__call__(data, lazy)

    def inverse(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        return dict(data) if self._is_picture(data) else super().inverse(data)

    def _is_picture(self, data: Mapping[Hashable, Any]) -> bool:
        return bool(getattr(data[self.like], "meta", {}).get(IS_PICTURE))
