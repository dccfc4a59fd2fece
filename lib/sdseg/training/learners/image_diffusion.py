"""The rival that diffuses in image space: DDPM's training, on the mask (Diff-U-Net) or the noise (MedSegDiff)."""

from __future__ import annotations

import torch
from torch.nn.functional import mse_loss, one_hot

from sdseg.rivals.image_diffusion import ImageDiffusionPipeline
from sdseg.training.learner import Batch, Learner


class ImageDiffusionLearner(Learner):
    """The whole network learns; timesteps are uniform over the schedule.

    Args:
        pipeline: on its device; its scheduler says what is predicted.
    """

    def __init__(self, pipeline: ImageDiffusionPipeline) -> None:
        super().__init__()
        self.network = pipeline.network.train().requires_grad_(True)
        self._pipeline = pipeline

    @property
    def averaged(self) -> torch.nn.Module:
        return self.network

    @property
    def slice_model(self) -> ImageDiffusionPipeline:
        return self._pipeline

    def loss(self, batch: Batch) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """The mean squared error of what the network predicts; the term is named after it."""
        scheduler = self._pipeline.scheduler
        clean = mask_channels(batch.masks, self._pipeline.classes)
        noise = batch.draws.normal(*clean.shape[1:]).to(clean.device)
        timesteps = batch.draws.integers(0, int(scheduler.config.num_train_timesteps) - 1).to(clean.device)
        noisy = scheduler.add_noise(clean, noise, timesteps)
        predicted = self.network(batch.images, noisy, timesteps).float()
        what = scheduler.config.prediction_type
        loss = mse_loss(predicted, noise if what == "epsilon" else clean)
        return loss, {what: loss.detach()}


def mask_channels(masks: torch.Tensor, classes: int | None) -> torch.Tensor:
    """(batch, 1, i, j) label values -> (batch, 1 or classes, i, j) float32, 1 inside and -1 outside."""
    if classes is None:
        return (masks > 0).float() * 2 - 1
    return one_hot(masks[:, 0].long(), classes).movedim(-1, 1).float() * 2 - 1
