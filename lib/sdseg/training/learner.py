"""What the training loop trains: a module that turns a batch into a loss."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch

from sdseg.model.slice_model import SliceModel
from sdseg.training.draws import Draws
from sdseg.training.dropout import Dropouts


@dataclass(frozen=True)
class Batch:
    """Augmented slices and where their randomness comes from.

    Attributes:
        images: (batch, 3, i, j) float32 in [-1, 1], on the device.
        masks: (batch, 1, i, j) uint8 label values, on the device.
        indices: of the slices in the stack.
        draws: everything else random about the examples.
    """

    images: torch.Tensor
    masks: torch.Tensor
    indices: tuple[int, ...]
    draws: Draws


class Learner(torch.nn.Module, ABC):
    """Its parameters with `requires_grad` are trained; the others stay as they are.

    The loss of a batch is the mean over its examples, and all that is random in it, dropout included, is drawn from
    `batch.draws`: so a batch may be divided among processes.
    """

    _dropouts: Dropouts | None = None

    def forward(self, batch: Batch) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """`loss`, with the dropout of the batch's examples."""
        if self._dropouts is None:
            self._dropouts = Dropouts(self)
        self._dropouts.follow(batch.draws.seeds)
        return self.loss(batch)

    def trained_state(self) -> dict[str, torch.Tensor]:
        """All that training changes: what has `requires_grad`, and the buffers."""
        frozen = {name for name, parameter in self.named_parameters() if not parameter.requires_grad}
        return {name: value for name, value in self.state_dict().items() if name not in frozen}

    @abstractmethod
    def loss(self, batch: Batch) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """The loss (scalar, with gradient) and its detached terms for the log."""

    @property
    @abstractmethod
    def averaged(self) -> torch.nn.Module | None:
        """The module whose moving average becomes the result; None to keep the last weights."""

    @property
    @abstractmethod
    def slice_model(self) -> SliceModel | None:
        """What is validated on slices while it is trained; None where it does not segment (an autoencoder)."""
