"""The rivals that segment in one pass: soft Dice and cross-entropy, at every supervised level."""

from __future__ import annotations

import torch
from monai.losses import DiceCELoss

from sdseg.rivals.dynamic_unet import level_weights
from sdseg.rivals.pipeline import RivalPipeline
from sdseg.training.learner import Batch, Learner


class SegmentationLearner(Learner):
    """The whole network learns. Dice is taken a slice and a structure, so that the loss is a mean over slices.

    Args:
        pipeline: on its device.
    """

    def __init__(self, pipeline: RivalPipeline) -> None:
        super().__init__()
        self.network = pipeline.network.train().requires_grad_(True)
        self._pipeline = pipeline
        binary = pipeline.classes is None
        self._loss = DiceCELoss(
            sigmoid=binary, softmax=not binary, to_onehot_y=not binary, include_background=binary, batch=False
        )

    @property
    def averaged(self) -> torch.nn.Module:
        return self.network

    @property
    def slice_model(self) -> RivalPipeline:
        return self._pipeline

    def loss(self, batch: Batch) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """The mean over the heads, nnU-Net's weights; the term `dice_ce` is that of the finest."""
        target = (batch.masks > 0 if self._pipeline.classes is None else batch.masks).float()
        # In float32: the loss takes a logarithm of what the network may give in half precision.
        heads = self.network.heads(batch.images).float().unbind(dim=1)
        losses = torch.stack([self._loss(head, target) for head in heads])
        return (losses * level_weights(len(heads), losses.device)).sum(), {"dice_ce": losses[0].detach()}
