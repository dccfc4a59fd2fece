"""Stage two's loss: the paper's noise and latent terms, and an optional term on the decoded mask."""

from __future__ import annotations

from collections.abc import Callable

import torch

from sdseg.model.pipeline import SDSegPipeline
from sdseg.model.schedule import estimate_clean_latent
from sdseg.training.augment import mask_to_image
from sdseg.training.config import DiffusionConfig


class DiffusionObjective:
    """Computes the losses of one batch (paper, equations 5 to 8).

    Args:
        pipeline: its U-Net and vision encoder are trained, its autoencoder is frozen.
        config: the timesteps drawn and the weights of the terms.
        autocast: precision context of the autoencoder and the vision encoder; the U-Net and the estimate
            stay in float32, because the estimate amplifies errors up to 38.7 times.
        seed: of timesteps and noise.
    """

    def __init__(
        self,
        pipeline: SDSegPipeline,
        config: DiffusionConfig,
        autocast: Callable[[], torch.autocast],
        seed: int,
    ) -> None:
        self._pipeline = pipeline
        self._config = config
        self._autocast = autocast
        self._generator = torch.Generator().manual_seed(seed)

    def __call__(self, images: torch.Tensor, masks: torch.Tensor) -> tuple[torch.Tensor, dict[str, float]]:
        """The weighted loss and its terms.

        Args:
            images: (batch, 3, i, j) in [-1, 1].
            masks: (batch, 1, i, j) label values.
        """
        latent = self._mask_latent(masks)
        noise = torch.randn(latent.shape, generator=self._generator).to(latent.device)
        timesteps = self._draw_timesteps(len(latent)).to(latent.device)
        noisy = self._pipeline.scheduler.add_noise(latent, noise, timesteps)
        with self._autocast():
            image_latent = self._pipeline.vision_encoder(images.to(latent.device)).float()
        predicted = self._pipeline.unet(torch.cat([noisy, image_latent], dim=1), timesteps)
        estimate = estimate_clean_latent(self._pipeline.scheduler, noisy, predicted, timesteps)
        terms = {"noise": (predicted - noise).abs().mean(), "latent": (estimate - latent).abs().mean()}
        loss = self._config.noise_weight * terms["noise"] + self._config.latent_weight * terms["latent"]
        if self._config.mask_weight:
            terms["mask"] = self._mask_loss(estimate, masks)
            loss = loss + self._config.mask_weight * terms["mask"]
        return loss, {name: term.item() for name, term in terms.items()}

    @torch.no_grad()
    def _mask_latent(self, masks: torch.Tensor) -> torch.Tensor:
        vae = self._pipeline.vae
        with self._autocast():
            posterior = vae.encode(mask_to_image(masks).to(vae.device)).latent_dist
        noise = torch.randn(posterior.mean.shape, generator=self._generator).to(vae.device)
        return (posterior.mean.float() + posterior.std.float() * noise) * vae.config.scaling_factor

    def _draw_timesteps(self, batch: int) -> torch.Tensor:
        first, last = self._config.timesteps
        return torch.randint(first, last + 1, (batch,), generator=self._generator)

    def _mask_loss(self, estimate: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
        with self._autocast():
            decoded = self._pipeline.decode_mask_latent(estimate)
        probability = ((decoded.float().mean(dim=1, keepdim=True) + 1) / 2).clamp(0, 1)
        wanted = (masks > 0).float().to(probability.device)
        overlap = (probability * wanted).sum(dim=(1, 2, 3))
        total = probability.sum(dim=(1, 2, 3)) + wanted.sum(dim=(1, 2, 3))
        return (1 - (2 * overlap + 1) / (total + 1)).mean()
