"""Stage two: train U-Net and vision encoder, keep the moving average of the U-Net."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain

import torch
from diffusers.training_utils import EMAModel

from sdseg.model.pipeline import SDSegPipeline
from sdseg.training.augment import BatchSampler
from sdseg.training.config import DiffusionConfig
from sdseg.training.objective import DiffusionObjective
from sdseg.training.optimiser import Optimiser

Report = Callable[[int, dict[str, float]], None]


def train_diffusion(
    pipeline: SDSegPipeline,
    sampler: BatchSampler,
    config: DiffusionConfig,
    autocast: Callable[[], torch.autocast],
    seed: int,
    report: Report,
) -> None:
    """Train in place; the U-Net ends as its exponential moving average, decay min(most, (1 + n) / (10 + n)).

    Args:
        pipeline: on its device, `vae.config.scaling_factor` measured.
        sampler: gives images (batch, 3, i, j) and masks (batch, 1, i, j).
        config: steps, rates, timesteps and loss weights.
        autocast: precision context, see `DiffusionObjective`.
        seed: of timesteps and noise.
        report: called after every step with its number and losses; raise from it to stop.
    """
    unet, encoder = pipeline.unet, pipeline.vision_encoder
    pipeline.vae.eval().requires_grad_(False)
    for module in (unet, encoder):
        module.train().requires_grad_(True)
    objective = DiffusionObjective(pipeline, config, autocast, seed)
    optimiser = Optimiser(chain(unet.parameters(), encoder.parameters()), config)
    average = EMAModel(unet.parameters(), decay=config.ema_decay, foreach=True)
    for step in range(config.steps):
        loss, terms = objective(*sampler.draw())
        optimiser.step(loss)
        average.step(unet.parameters())
        report(step + 1, terms)
    average.copy_to(unet.parameters())
    for module in (unet, encoder):
        module.eval().requires_grad_(False)
