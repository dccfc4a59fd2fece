"""Loading the label of an example onto the grid of its image: one reading for training and for evaluation."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import torch
from monai.data.meta_tensor import MetaTensor
from monai.transforms import Transform
from numpy.typing import NDArray

from sdseg.errors import LabelError
from sdseg.volume.example import Example
from sdseg.volume.grid import on_grid
from sdseg.volume.labelmap import as_labels, load_labelmap_like
from sdseg.volume.volume_files import PICTURES, grid_of, has_suffix, read_channel


def load_labelmap_of(example: Example) -> NDArray[np.uint8]:
    """The label of an example, uint8 (i, j, k) on the voxel grid of its image, in the values of its data set.

    Without `label_channel` the mask is read as `load_labelmap_like` reads any mask; `label_values` is applied last, and
    leaves `ignored` as it is.

    Raises:
        LabelError: the mask lies on another grid, has no such channel or holds other values than 0 to 255.
        InputError: the image or the mask cannot be read.
    """
    if example.label_channel is None:
        return renamed(load_labelmap_like(example.label, example.image), example.label_values, example.ignored)
    if not has_suffix(example.label, PICTURES):
        raise LabelError(f"{example.label.name} is no picture and has no channels: leave label_channel out.")
    values, mask = read_channel(example.label, example.label_channel)
    placed = on_grid(values, mask, grid_of(example.image), example.label.name)
    return renamed(as_labels(placed, example.label.name), example.label_values, example.ignored)


def renamed(
    labelmap: NDArray[np.uint8], names: Mapping[int, int] | None, ignored: int | None = None
) -> NDArray[np.uint8]:
    """`labelmap` renamed: values in neither `names` nor `ignored` become background; None for `names` keeps all."""
    if names is None:
        return labelmap
    table = np.zeros(256, dtype=np.uint8)
    if ignored is not None:
        table[ignored] = ignored
    table[list(names)] = list(names.values())
    return table[labelmap]


class LoadLabelOf(Transform):
    """Put the label of an example into the data, (1, i, j, k) float32 on the voxel grid of its image.

    Args:
        example: whose label.
        key: of the label.
        like: key of the image, a MetaTensor (channel, i, j, k) as read, before it is turned.
    """

    def __init__(self, example: Example, key: Hashable, like: Hashable) -> None:
        self.example = example
        self.key = key
        self.like = like

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        labelmap = load_labelmap_of(self.example)
        label = MetaTensor(torch.from_numpy(labelmap).float()[None], affine=data[self.like].affine)
        return {**data, self.key: label}


class NoteVoxels(Transform):
    """Put what an example says of its label's voxels into the data, (2, i, j, k) float32 on the grid of its image:
    not 0 where nobody labelled, and where an annotator changed a prediction.

    Args:
        example: whose notes.
        key: of the notes.
        label: key of the label as `LoadLabelOf` put it, before it is turned.
    """

    def __init__(self, example: Example, key: Hashable, label: Hashable) -> None:
        self.example = example
        self.key = key
        self.label = label

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        label, example = data[self.label].as_tensor(), self.example
        ignored = torch.zeros_like(label) if example.ignored is None else (label == example.ignored).float()
        changed = torch.zeros_like(label)
        if example.changed is not None:
            marks = load_labelmap_like(example.changed, example.image) > 0
            changed = torch.from_numpy(marks).float()[None]
        return {**data, self.key: MetaTensor(torch.cat([ignored, changed]), affine=data[self.label].affine)}
