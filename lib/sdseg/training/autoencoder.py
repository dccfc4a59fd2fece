"""Stage one: a small KL autoencoder for images and masks, for those who have no Stable Diffusion weights."""

from __future__ import annotations

from collections.abc import Callable

import torch
from diffusers import AutoencoderKL

from sdseg.training.augment import BatchSampler, mask_to_image
from sdseg.training.config import AutoencoderConfig
from sdseg.training.optimiser import Optimiser

Report = Callable[[int, dict[str, float]], None]


def train_autoencoder(
    vae: AutoencoderKL,
    sampler: BatchSampler,
    config: AutoencoderConfig,
    autocast: Callable[[], torch.autocast],
    report: Report,
) -> None:
    """Train `vae` in place to reproduce images and masks (L1 plus a little Kullback-Leibler), then freeze it.

    Args:
        vae: on its device.
        sampler: gives images (batch, 3, i, j) and masks (batch, 1, i, j).
        config: steps and rates.
        autocast: makes the precision context of a forward pass.
        report: called after every step with its number and losses.
    """
    optimiser = Optimiser(vae.parameters(), config)
    vae.train()
    for step in range(config.steps):
        images, masks = sampler.draw()
        target = torch.cat([images, mask_to_image(masks)]).to(vae.device)
        with autocast():
            posterior = vae.encode(target).latent_dist
            decoded = vae.decode(posterior.sample()).sample
        error = (decoded.float() - target).abs()
        image_loss, mask_loss = error[: len(images)].mean(), error[len(images) :].mean()
        divergence = posterior.kl().float().mean()
        optimiser.step(image_loss + mask_loss + config.kl_weight * divergence)
        report(step + 1, {"image": image_loss.item(), "mask": mask_loss.item(), "kl": divergence.item()})
    vae.eval().requires_grad_(False)


@torch.no_grad()
def measure_scaling_factor(vae: AutoencoderKL, masks: torch.Tensor) -> float:
    """1 / standard deviation of the latents of one batch of masks, (batch, 1, i, j), as the authors do."""
    latents = vae.encode(mask_to_image(masks).to(vae.device)).latent_dist.mode()
    return 1.0 / latents.float().std().item()
