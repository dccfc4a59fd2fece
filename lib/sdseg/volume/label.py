"""Loading a label onto the grid of the image it belongs to."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.data.meta_tensor import MetaTensor
from monai.transforms import MapTransform

from sdseg.volume.labelmap import load_labelmap_like


class LoadLabelLiked(MapTransform):
    """Replace the path of a label by its values on the voxel grid of an image that is loaded already.

    Args:
        keys: of the labels.
        like: key of the image, a MetaTensor (channel, i, j, k) as read, before it is turned.

    Raises:
        LabelError: a label lies on another grid.
    """

    def __init__(self, keys: Any, like: Hashable) -> None:
        super().__init__(keys)
        self.like = like

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        result = dict(data)
        image = result[self.like]
        for key in self.key_iterator(result):
            labelmap = load_labelmap_like(result[key], image.meta["filename_or_obj"])
            result[key] = MetaTensor(torch.from_numpy(labelmap).float()[None], affine=image.affine)
        return result
