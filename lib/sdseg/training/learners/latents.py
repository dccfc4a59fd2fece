"""Latents of masks: encoded anew for every batch, or once where no augmentation moves the masks."""

from __future__ import annotations

import torch
from diffusers import AutoencoderKL

from sdseg.training.draws import Draws
from sdseg.training.mask_image import mask_to_image

Posterior = tuple[torch.Tensor, torch.Tensor]  # mean and standard deviation, each (channels, rows, columns)


class MaskLatents:
    """Samples of the posterior of masks, times the scale of the latents (paper, section 2.1).

    Args:
        vae: frozen.
        keep: remember the posterior of every mask: its key must then name its content.
    """

    def __init__(self, vae: AutoencoderKL, keep: bool) -> None:
        self._vae = vae
        self._kept: dict[tuple[int, int], Posterior] | None = {} if keep else None

    @torch.no_grad()
    def sample(self, masks: torch.Tensor, keys: list[tuple[int, int]], draws: Draws) -> torch.Tensor:
        """(batch, channels, rows, columns) float32 scaled latents.

        Args:
            masks: (batch, 1, i, j), everything above 0 is foreground.
            keys: of the masks: slice, class.
            draws: the sample of the posterior.
        """
        mean, std = self._posterior(masks) if self._kept is None else self._remembered(masks, keys, self._kept)
        noise = draws.normal(*mean.shape[1:]).to(mean.device)
        return (mean + std * noise) * self._vae.config.scaling_factor

    def _posterior(self, masks: torch.Tensor) -> Posterior:
        posterior = self._vae.encode(mask_to_image(masks)).latent_dist
        return posterior.mean.float(), posterior.std.float()

    def _remembered(
        self, masks: torch.Tensor, keys: list[tuple[int, int]], kept: dict[tuple[int, int], Posterior]
    ) -> Posterior:
        new = [place for place, key in enumerate(keys) if key not in kept]
        if new:
            found = self._posterior(masks[new])
            kept.update({keys[place]: pair for place, *pair in zip(new, *found, strict=True)})  # type: ignore[misc]
        means, stds = zip(*(kept[key] for key in keys), strict=True)
        return torch.stack(means), torch.stack(stds)
