"""What every model that segments slices offers, SDSeg and its rivals alike."""

from __future__ import annotations

from typing import Protocol

import torch

from sdseg.model.parts import Parts


class SliceModel(Protocol):
    """A diffusers pipeline (so that it saves, loads and moves like one) that turns slices into probabilities."""

    @property
    def image_size(self) -> int:
        """Rows = columns of the images the model was made for."""

    @property
    def classes(self) -> int | None:
        """Number of classes with the background; None for a binary model."""

    @property
    def device(self) -> torch.device: ...

    @property
    def components(self) -> dict[str, torch.nn.Module]: ...

    @property
    def parts(self) -> Parts | None:
        """How it segments parts of slices; None: whole slices only."""

    def __call__(self, image: torch.Tensor, seed: int = 0) -> torch.Tensor:
        """(batch, 3, rows, columns) in [-1, 1] -> (batch, 1, rows, columns) float32 probability of the foreground.

        With `classes`: (batch, classes, rows, columns), the softmax, background first. What is random is drawn from
        the seed alone, the same for every slice, so that the batch size does not matter.
        """
