"""From an image on disk to a labelmap on its own voxel grid: the one path every caller takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from monai.data.meta_tensor import MetaTensor
from monai.transforms import Compose, Transform

import sdseg.rivals  # noqa: F401 - so that their weights can be loaded
from sdseg.dicom.codes import add_structures
from sdseg.engines.at_speed import at_speed
from sdseg.engines.speed import PLAIN_SPEED, Speed
from sdseg.errors import InputError
from sdseg.inference.batches import segment_slices
from sdseg.inference.region import boxes_of
from sdseg.inference.uncertainty import Uncertainty, check_noises, over_noises
from sdseg.model.card import ModelCard, check_labels
from sdseg.model.device import check_device
from sdseg.model.kinds import Traits, traits_of
from sdseg.model.slice_model import SliceModel
from sdseg.model.weights import load_weights, weights_sha256
from sdseg.volume.load import load_failures
from sdseg.volume.recipe import invert
from sdseg.volume.series_reader import CORRECTIONS
from sdseg.volume.slices import to_slices, to_volume

SliceProgress = Callable[[int, int], None]


@dataclass(frozen=True)
class SegmentationResult:
    """What a segmentation gives.

    Attributes:
        labelmap: (i, j, k) uint8 on the source's voxel grid; for DICOM i, j, k = column, row, slice.
        probability: (1, i, j, k) float32 on the same grid; (classes, i, j, k) with the background for several classes.
        affine: (4, 4) voxel index to RAS millimetres.
        labels: structure name -> value in the labelmap.
        seconds: time of each step.
        uncertainty: probability and disagreement over several noises, where asked for.
        corrections: what the geometry gate evened out in a DICOM series, a sentence each, for the user.
        left_out: slices that the region of the model's card left out, of `model_slices`.
    """

    labelmap: npt.NDArray[np.uint8]
    probability: npt.NDArray[np.float32]
    affine: npt.NDArray[np.float64]
    labels: dict[str, int]
    seconds: dict[str, float] = field(default_factory=dict)
    uncertainty: Uncertainty | None = None
    corrections: tuple[str, ...] = ()
    left_out: int = 0
    model_slices: int = 1

    @property
    def is_empty(self) -> bool:
        """True where the model found nothing at all."""
        return not self.labelmap.any()

    def count(self, value: int) -> int:
        """Voxels of a value of the labelmap."""
        return int((self.labelmap == value).sum())


class Segmenter:
    """A loaded model and everything needed to use it on an image.

    Args:
        pipeline: SDSeg's or a rival's, in evaluation mode, on its device.
        card: of the same weights folder.
        weights_sha256: identity of the weights.
        speed: how the pipeline is run: its engine, never auto, its decoder and its encoder.
    """

    def __init__(self, pipeline: SliceModel, card: ModelCard, weights_sha256: str, speed: Speed = PLAIN_SPEED) -> None:
        if pipeline.image_size != card.recipe.image_size:
            raise InputError(
                f"The weights are made for {pipeline.image_size} pixels, their recipe for {card.recipe.image_size}."
            )
        check_labels(card.labels, pipeline.classes)
        add_structures(card.own_structures())
        self.pipeline = pipeline
        self.card = card
        self.weights_sha256 = weights_sha256
        self.speed = speed

    @classmethod
    def load(cls, weights: Path, device: str = "cpu", speed: Speed = PLAIN_SPEED) -> Segmenter:
        """Load a weights folder.

        Args:
            weights: the folder.
            device: cpu, cuda, cuda:N or mps.
            speed: how to run it; only a plain one can be trained, or makes more than one reverse step.

        Raises:
            WeightsError: it is missing, damaged or does not fit, or has no lite part.
            InputError: there is no such device here, or the engine does not run on it.
        """
        check_device(device)
        card, identity = ModelCard.load(weights), weights_sha256(weights)
        pipeline, runs = at_speed(lambda: load_weights(weights, device), weights, device, speed, identity)
        return cls(pipeline, card, identity, runs)

    @property
    def traits(self) -> Traits:
        """Kind, title and method of the model."""
        return traits_of(self.pipeline)

    @property
    def is_random(self) -> bool:
        """Whether the seed changes the result."""
        return self.traits.steps is not None

    def pre_transforms(
        self, source: str | Path, modality: str | None = None, series_instance_uid: str | None = None
    ) -> list[Transform]:
        """From {"image": path} to {"image": model input}; see `Recipe.transforms`."""
        return self.card.recipe.transforms(source, modality, series_instance_uid)

    def predict(
        self, image: MetaTensor, seed: int = 0, batch_size: int = 8, progress: SliceProgress | None = None
    ) -> torch.Tensor:
        """Probability of the foreground, or of each class, on the model's grid; of what its card's region leaves out
        the background's.

        Args:
            image: (channel, i, j, k) in [-1, 1], as the pre-transforms leave it.
            seed: of the noise.
            batch_size: slices at a time; does not change the result.
            progress: called with (slices done, slices).

        Returns:
            (1, i, j, k) float32 on the CPU; (classes, i, j, k) with the background from a model of several classes.
        """
        slices, region = to_slices(image), self.card.region
        return to_volume(segment_slices(self.pipeline, slices, seed, batch_size, progress, region))

    def left_out(self, image: MetaTensor) -> int:
        """How many slices of the model's input `predict` leaves out as a whole, by the region of the card."""
        region = self.card.region
        return 0 if region is None else boxes_of(to_slices(image), region, self.pipeline.parts).count(None)

    def to_labelmap(self, probability: torch.Tensor) -> npt.NDArray[np.uint8]:
        """(channel, i, j, k) probability on the source grid -> (i, j, k) uint8 label values.

        One channel: foreground above a half. One a class: the likeliest, whose number is its label value.
        """
        if self.pipeline.classes is not None:
            return probability.argmax(dim=0).to(torch.uint8).numpy()
        (value,) = self.card.labels.values()
        return (probability[0] > 0.5).to(torch.uint8).numpy() * np.uint8(value)

    def segment(
        self,
        source: Path,
        modality: str | None = None,
        seed: int = 0,
        batch_size: int = 8,
        progress: SliceProgress | None = None,
        series_instance_uid: str | None = None,
        noises: int = 0,
        enter: Callable[[str], None] = lambda stage: None,
    ) -> SegmentationResult:
        """Segment one image: a DICOM folder, NIfTI, NRRD or picture.

        Args:
            source, modality, series_instance_uid: see `Recipe.transforms`.
            seed, batch_size, progress: see `predict`.
            noises: how many noises, the seed's and those that follow, the uncertainty is measured over; 0 for none.
                They do not change the labelmap.
            enter: called with the name of each stage as it begins: load, model, restore.

        Raises:
            InputError: it cannot be read, is unsafe (`GeometryError`) or of another modality.
        """
        check_noises(noises)
        marks = [time.perf_counter()]
        enter("load")
        steps = self.pre_transforms(source, modality, series_instance_uid)
        with load_failures(source):
            data: dict[str, Any] = Compose(steps)({"image": source})
        marks.append(time.perf_counter())
        enter("model")
        on_model_grid = self.predict(data["image"], seed, batch_size, progress)
        marks.append(time.perf_counter())
        enter("restore")
        probability = invert(steps, data["image"], on_model_grid)
        labelmap = self.to_labelmap(probability)
        marks.append(time.perf_counter())
        names = ("load and preprocess", "model", "back to the source grid")
        seconds = {name: end - start for name, (start, end) in zip(names, pairwise(marks), strict=True)}
        if noises:
            enter("model")
        uncertainty = self.uncertainty(steps, data["image"], probability, seed, noises, batch_size, progress)
        affine = np.asarray(probability.affine, dtype=np.float64)
        array = probability.as_tensor().numpy().astype(np.float32)
        corrections = tuple(data["image"].meta.get(CORRECTIONS, ()))
        left_out, slices = self.left_out(data["image"]), int(data["image"].shape[-1])
        return SegmentationResult(
            labelmap, array, affine, dict(self.card.labels), seconds, uncertainty, corrections, left_out, slices
        )

    def uncertainty(
        self,
        steps: list[Transform],
        image: MetaTensor,
        probability: MetaTensor,
        seed: int,
        noises: int,
        batch_size: int = 8,
        progress: SliceProgress | None = None,
    ) -> Uncertainty | None:
        """What several noises say of one image; None for no noises.

        Args:
            steps: the pre-transforms that made `image`.
            image: the model's input, with its history.
            probability: of the noise of `seed`, on the source grid, (1 or classes, i, j, k).
            seed, noises, batch_size, progress: see `segment`; a model that draws no noise runs no second time.
        """
        if not noises:
            return None

        def again(other: int) -> npt.NDArray[np.float32]:
            return np.asarray(invert(steps, image, self.predict(image, other, batch_size, progress)))

        count = noises if self.is_random else 1
        affine = np.asarray(probability.affine, dtype=np.float64)
        return over_noises(np.asarray(probability), again, self.card.labels, seed, count, affine)
