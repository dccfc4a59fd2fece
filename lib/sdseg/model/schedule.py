"""The noise schedule and the closed-form, single-step estimate (paper, eq. 4 and 7)."""

from __future__ import annotations

from functools import cache

import torch
from diffusers import DDPMScheduler

from sdseg.errors import UnknownNameError

# What a U-Net may predict: the noise (the paper), z0 itself, or v = sqrt(abar_t) noise - sqrt(1 - abar_t) z0.
PREDICTION_TYPES = ("epsilon", "sample", "v_prediction")


def make_scheduler(prediction_type: str = "epsilon") -> DDPMScheduler:
    """The authors' schedule: 1000 steps, betas = linspace(sqrt(0.0015), sqrt(0.0155), 1000) ** 2.

    Args:
        prediction_type: one of `PREDICTION_TYPES`; the paper's is epsilon.

    Raises:
        UnknownNameError: it is none of them.
    """
    if prediction_type not in PREDICTION_TYPES:
        raise UnknownNameError(
            f"There is no prediction type '{prediction_type}'; choose one of: {', '.join(PREDICTION_TYPES)}."
        )
    return DDPMScheduler(
        num_train_timesteps=1000,
        beta_schedule="scaled_linear",
        beta_start=0.0015,
        beta_end=0.0155,
        clip_sample=False,
        prediction_type=prediction_type,
    )


def draw_noise(seed: int, latent_channels: int, latent_size: int) -> torch.Tensor:
    """The one noise tensor z_T, (1, latent_channels, latent_size, latent_size), float32.

    Drawn on the CPU from the seed alone and reused for every slice, volume and class, so that the same seed
    gives the same mask whatever the batch size or the device.
    """
    generator = torch.Generator("cpu").manual_seed(seed)
    return torch.randn(1, latent_channels, latent_size, latent_size, generator=generator)


def estimate_clean_latent(
    scheduler: DDPMScheduler, noisy: torch.Tensor, predicted: torch.Tensor, timesteps: torch.Tensor
) -> torch.Tensor:
    """z0 from what the U-Net predicted, in float32; for noise z0 = (z_t - sqrt(1 - abar_t) * noise) / sqrt(abar_t).

    An error in the predicted noise is amplified sqrt(1 / abar_t - 1) times, 38.7 at t = 999, so this step is
    never done in a reduced precision.

    Args:
        scheduler: holds `alphas_cumprod` and says in `prediction_type` what is predicted.
        noisy: z_t, (batch, channels, rows, columns).
        predicted: noise, z0 or v, same shape.
        timesteps: (batch,) integers.
    """
    prediction_type = scheduler.config.prediction_type
    if prediction_type == "sample":
        return predicted.float()
    signal, noise = _shares(scheduler, noisy, timesteps)
    if prediction_type == "v_prediction":
        return signal * noisy.float() - noise * predicted.float()
    return (noisy.float() - noise * predicted.float()) / signal


def estimate_noise(
    scheduler: DDPMScheduler, noisy: torch.Tensor, clean: torch.Tensor, timesteps: torch.Tensor
) -> torch.Tensor:
    """The noise that leads from z0 to z_t, in float32: (z_t - sqrt(abar_t) * z0) / sqrt(1 - abar_t).

    With `estimate_clean_latent` it gives both terms of the paper's loss whatever the U-Net predicts.

    Args:
        scheduler: holds `alphas_cumprod`.
        noisy: z_t, (batch, channels, rows, columns).
        clean: z0, same shape.
        timesteps: (batch,) integers.
    """
    signal, noise = _shares(scheduler, noisy, timesteps)
    return (noisy.float() - signal * clean.float()) / noise


@cache
def last_shares(prediction_type: str) -> tuple[int, float, float]:
    """The last timestep T, sqrt(abar_T) and sqrt(1 - abar_T). Raises UnknownNameError: see `make_scheduler`."""
    with torch.device("cpu"):  # the numbers are wanted even where a network is built on the meta device
        alphas_cumprod = make_scheduler(prediction_type).alphas_cumprod
    last = float(alphas_cumprod[-1])
    return len(alphas_cumprod) - 1, last**0.5, (1 - last) ** 0.5


def _shares(
    scheduler: DDPMScheduler, noisy: torch.Tensor, timesteps: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """sqrt(abar_t) and sqrt(1 - abar_t), (batch, 1, 1, 1): how much of z0 and of noise is in z_t."""
    alphas_cumprod = scheduler.alphas_cumprod.to(noisy.device, torch.float32)[timesteps].view(-1, 1, 1, 1)
    return alphas_cumprod.sqrt(), (1 - alphas_cumprod).sqrt()
