"""A rival that segments in one pass, as a diffusers pipeline."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from diffusers import DiffusionPipeline

from sdseg.model.parts import Parts
from sdseg.rivals.architectures import RIVALS
from sdseg.rivals.network import RivalNetwork
from sdseg.rivals.single_network import SingleNetwork


class RivalPipeline(SingleNetwork, DiffusionPipeline):
    """Image in, probability out; nothing about it is random.

    Component (a sub-folder when saved): `network`.
    """

    def __init__(self, network: RivalNetwork) -> None:
        super().__init__()
        self.register_modules(network=network)

    @property
    def parts(self) -> Parts | None:
        """How it segments parts of slices; None where the network is made for one size."""
        rival = RIVALS[self.kind]
        return Parts(2 * rival.multiple, rival.multiple, self.segment_parts) if rival.any_size else None

    def segment_parts(self, parts: torch.Tensor, corners: Sequence[tuple[int, int]], seed: int = 0) -> torch.Tensor:
        """What `__call__` gives, of parts of slices, wherever they lie."""
        return self(parts, seed)

    @torch.inference_mode()
    def __call__(self, image: torch.Tensor, seed: int = 0) -> torch.Tensor:
        """Segment a batch of slices.

        Args:
            image: (batch, 3, rows, columns) in [-1, 1], rows = columns = `image_size`.
            seed: has no effect; every slice model takes one.

        Returns:
            (batch, 1, rows, columns) float32 in [0, 1]: the sigmoid; or, with `classes`, (batch, classes, rows,
            columns), the softmax, background first.
        """
        logits = self.network(image.to(self.device, self.dtype)).float()
        return logits.sigmoid() if self.classes is None else logits.softmax(dim=1)
