"""Padding a slice to a square field of view, so that resizing keeps the anatomy's proportions."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from monai.data.meta_tensor import MetaTensor
from monai.transforms import Pad


def square_padding(shape: tuple[int, ...], spacing: np.ndarray) -> list[tuple[int, int]]:
    """Voxels to add (before, after) on each axis of (channel, i, j, k) so that i and j span the same millimetres.

    Args:
        shape: (channel, i, j, k).
        spacing: (3,) mm of i, j, k.
    """
    extent = np.array(shape[1:3]) * spacing[:2]
    wanted = np.maximum(np.round(extent.max() / spacing[:2]).astype(int), shape[1:3])
    missing = wanted - np.array(shape[1:3])
    return [(0, 0), *((int(m) // 2, int(m) - int(m) // 2) for m in missing), (0, 0)]


class SquarePad(Pad):
    """MONAI's `Pad` (and its inverse), the widths taken from the image's own shape and affine."""

    def __call__(self, img: torch.Tensor, to_pad: Any = None, *args: Any, **kwargs: Any) -> torch.Tensor:
        affine = img.affine.numpy() if isinstance(img, MetaTensor) else np.eye(4)
        spacing = np.linalg.norm(affine[:3, :3], axis=0)
        return super().__call__(img, square_padding(tuple(img.shape), spacing), *args, **kwargs)
