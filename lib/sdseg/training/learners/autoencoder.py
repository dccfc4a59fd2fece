"""Stage one: a small KL autoencoder for images and masks, for those who have no Stable Diffusion weights."""

from __future__ import annotations

import torch
from diffusers import AutoencoderKL

from sdseg.training.learner import Batch, Learner
from sdseg.training.mask_image import mask_to_image
from sdseg.training.stage import AutoencoderConfig


class AutoencoderLearner(Learner):
    """Reproduce images and masks: L1 plus a little Kullback-Leibler.

    Args:
        vae: to train, all of it.
        config: the weights of the terms.
    """

    def __init__(self, vae: AutoencoderKL, config: AutoencoderConfig) -> None:
        super().__init__()
        self.vae = vae.train().requires_grad_(True)
        self._config = config

    def loss(self, batch: Batch) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """L1 of the pictures and of the masks, and the divergence of the posterior from a standard normal."""
        target = torch.cat([batch.images, mask_to_image(batch.masks)])
        posterior = self.vae.encode(target).latent_dist
        shape = posterior.mean.shape
        noise = torch.cat([batch.draws.normal(*shape[1:]) for _ in range(2)]).to(target.device)
        decoded = self.vae.decode(posterior.mean.float() + posterior.std.float() * noise).sample
        images, masks = (decoded.float() - target).abs().chunk(2)
        terms = {"image": images.mean(), "mask": masks.mean(), "kl": posterior.kl().float().mean()}
        share = self._config.mask_fraction
        loss = 2 * ((1 - share) * terms["image"] + share * terms["mask"]) + self._config.kl_weight * terms["kl"]
        return loss, {name: term.detach() for name, term in terms.items()}

    @property
    def averaged(self) -> torch.nn.Module:
        return self.vae

    @property
    def slice_model(self) -> None:
        return None


@torch.no_grad()
def measure_scaling_factor(vae: AutoencoderKL, masks: torch.Tensor) -> float:
    """1 / standard deviation of the latents of one batch of masks, (batch, 1, i, j), as the authors do."""
    latents = vae.encode(mask_to_image(masks).to(vae.device)).latent_dist.mode()
    return 1.0 / latents.float().std().item()
