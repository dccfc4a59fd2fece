"""One slice of a case as people look at it: the image as the model's window shows it, masks beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from monai.data.meta_tensor import MetaTensor
from monai.transforms import Compose, Orientation, Padd, Resized

from sdseg.evaluation.cases import Case, spacing_of
from sdseg.evaluation.contestants import Contestant


@dataclass(frozen=True)
class View:
    """A slice, rows first.

    Attributes:
        image: (rows, columns, 3) in [0, 1].
        prediction: (rows, columns) label values.
        reference: same.
        slice: its number from 0 in the model's direction.
        slices: of the case.
        size: (width, height) of a pixel, in any unit.
    """

    image: npt.NDArray[np.float32]
    prediction: npt.NDArray[np.uint8]
    reference: npt.NDArray[np.uint8]
    slice: int
    slices: int
    size: tuple[float, float]


def view_case(contestant: Contestant, case: Case, seed: int, batch_size: int) -> View:
    """The slice of the case with most of the structures, segmented by the model."""
    example, recipe = case.example, contestant.segmenter.card.recipe
    result = contestant.segmenter.segment(example.image, example.modality, seed, batch_size)
    # As for the model, but on the image's own pixels.
    steps = [step for step in recipe.training_transforms(example) if not isinstance(step, Padd | Resized)]
    data = Compose(steps)({"image": example.image})
    predicted = MetaTensor(torch.from_numpy(result.labelmap)[None], affine=result.affine)
    if not case.is_picture:
        predicted = Orientation(axcodes=recipe.orientation, labels=None)(predicted)
    prediction, reference = (mask.numpy()[0].astype(np.uint8) for mask in (predicted, data["label"]))
    number = largest_slice(reference)
    i, j, _ = spacing_of(predicted.affine.numpy())
    shown = data["image"].as_tensor()[..., number].permute(2, 1, 0)  # (channel, i, j) -> (rows, columns, channel)
    colours = ((shown + 1) / 2).clamp(0, 1).expand(-1, -1, 3).numpy()
    return View(colours, prediction[..., number].T, reference[..., number].T, number, reference.shape[2], (i, j))


def largest_slice(reference: npt.NDArray[Any]) -> int:
    """The k of (i, j, k) with most labelled voxels."""
    return int((reference > 0).sum(axis=(0, 1)).argmax())
