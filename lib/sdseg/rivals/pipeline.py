"""A rival that segments in one pass, as a diffusers pipeline."""

from __future__ import annotations

import torch
from diffusers import DiffusionPipeline

from sdseg.rivals.network import RivalNetwork
from sdseg.rivals.single_network import SingleNetwork


class RivalPipeline(SingleNetwork, DiffusionPipeline):
    """Image in, probability out; nothing about it is random.

    Component (a sub-folder when saved): `network`.
    """

    def __init__(self, network: RivalNetwork) -> None:
        super().__init__()
        self.register_modules(network=network)

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
