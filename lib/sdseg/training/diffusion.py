"""Stage two: train U-Net and vision encoder, keep the moving average of the U-Net."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain

import torch
from diffusers.training_utils import EMAModel

from sdseg.model.pipeline import SDSegPipeline
from sdseg.model.unet import DenoisingUNet
from sdseg.training.augment import BatchSampler
from sdseg.training.config import DiffusionConfig
from sdseg.training.objective import DiffusionObjective
from sdseg.training.optimiser import Optimiser

Report = Callable[[int, dict[str, float]], None]


@dataclass(frozen=True)
class Snapshot:
    """Something to be done with the averaged weights every so many steps.

    Attributes:
        every: steps between two.
        take: called with the step.
    """

    every: int
    take: Callable[[int], None]

    def due(self, step: int) -> bool:
        """Whether step `step`, counted from 1, asks for one."""
        return step % self.every == 0


@contextmanager
def _averaged(average: EMAModel, unet: DenoisingUNet) -> Iterator[None]:
    average.store(unet.parameters())
    average.copy_to(unet.parameters())
    try:
        yield
    finally:
        average.restore(unet.parameters())


def train_diffusion(
    pipeline: SDSegPipeline,
    sampler: BatchSampler,
    config: DiffusionConfig,
    autocast: Callable[[], torch.autocast],
    seed: int,
    report: Report,
    snapshot: Snapshot | None = None,
) -> None:
    """Train in place; the U-Net ends as its exponential moving average, decay min(most, (1 + n) / (10 + n)).

    Args:
        pipeline: on its device, `vae.config.scaling_factor` measured.
        sampler: gives images (batch, 3, i, j) and masks (batch, 1, i, j).
        config: steps, rates, timesteps and loss weights.
        autocast: precision context, see `DiffusionObjective`.
        seed: of timesteps and noise.
        report: called after every step with its number and losses; raise from it to stop.
        snapshot: called as well, while the U-Net holds its average, on the steps it asks for.
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
        if snapshot and snapshot.due(step + 1):
            with _averaged(average, unet):
                snapshot.take(step + 1)
    average.copy_to(unet.parameters())
    for module in (unet, encoder):
        module.eval().requires_grad_(False)
