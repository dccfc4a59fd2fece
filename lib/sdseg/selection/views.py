"""A few slices as the model sees them: one embedding each, and their probabilities noise by noise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

import torch

from sdseg.model.kinds import traits_of
from sdseg.model.pipeline import SDSegPipeline
from sdseg.model.slice_model import SliceModel

_GRID = 4  # rows and columns to which a latent is pooled
_PICTURE = 8  # rows and columns to which a picture is pooled, where there is no latent
_SEEDS = 2**63  # see `draw_noise`


class View(Protocol):
    """Of one batch of slices."""

    def embeddings(self) -> torch.Tensor:
        """(batch, d) float32 on the CPU, each of length 1."""

    def probabilities(self, noises: int, seed: int) -> Iterator[torch.Tensor]:
        """(batch, 1 or classes, i, j), once for each noise, or once where there is none."""


def view_of(model: SliceModel) -> Callable[[torch.Tensor], View]:
    """(batch, 3, i, j) in [-1, 1] -> its view by this model."""
    if isinstance(model, SDSegPipeline):
        return lambda batch: LatentView(model, batch)
    return lambda batch: PictureView(model, batch)


def draws_noise(model: SliceModel) -> bool:
    """Whether another seed gives another mask."""
    return traits_of(model).steps is not None


class LatentView:
    """SDSeg's: the encoder runs once for the embedding and all noises."""

    def __init__(self, pipeline: SDSegPipeline, batch: torch.Tensor) -> None:
        self._pipeline = pipeline
        self._latent = pipeline.encode(batch)

    def embeddings(self) -> torch.Tensor:
        return _pooled(self._latent, _GRID)

    def probabilities(self, noises: int, seed: int) -> Iterator[torch.Tensor]:
        for number in range(noises):
            noise = self._pipeline.draw_noise((seed + number) % _SEEDS)
            yield self._pipeline.segment_latent(self._latent, noise)


class PictureView:
    """A rival's, which has no latent that all of them share: its embedding is the picture itself, made small."""

    def __init__(self, model: SliceModel, batch: torch.Tensor) -> None:
        self._model = model
        self._batch = batch

    def embeddings(self) -> torch.Tensor:
        return _pooled(self._batch, _PICTURE)

    def probabilities(self, noises: int, seed: int) -> Iterator[torch.Tensor]:
        for number in range(noises if draws_noise(self._model) else min(noises, 1)):
            yield self._model(self._batch, seed=(seed + number) % _SEEDS)


def _pooled(maps: torch.Tensor, grid: int) -> torch.Tensor:
    small = torch.nn.functional.adaptive_avg_pool2d(maps.float().cpu(), grid).flatten(1)
    return torch.nn.functional.normalize(small, dim=1)
