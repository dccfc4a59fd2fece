"""The reverse process: from noise to a mask latent, in one step (the paper) or several (DDIM, for comparison)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import zip_longest

import torch
from diffusers import DDPMScheduler

from sdseg.errors import InputError
from sdseg.model.schedule import estimate_clean_latent, estimate_noise

Predict = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class ReverseStep:
    """One step of the reverse process.

    Attributes:
        timestep: t, 999 in the first step.
        noisy_latent: z_t, (batch, 4, rows, columns), scaled, float32.
        clean_latent: the estimate of z0 made from it, same shape and scale; the last step's is the result.
    """

    timestep: int
    noisy_latent: torch.Tensor
    clean_latent: torch.Tensor


def ddim_timesteps(scheduler: DDPMScheduler, num_inference_steps: int) -> tuple[int, ...]:
    """Evenly spaced timesteps, falling from the last one: diffusers' "trailing" spacing.

    Raises:
        InputError: there are not that many steps.
    """
    most = int(scheduler.config.num_train_timesteps)
    if not 1 <= num_inference_steps <= most:
        raise InputError(f"The number of inference steps must be from 1 to {most}, not {num_inference_steps}.")
    return tuple(round(most * left / num_inference_steps) - 1 for left in range(num_inference_steps, 0, -1))


def reverse_process(
    scheduler: DDPMScheduler, predict: Predict, noise: torch.Tensor, num_inference_steps: int
) -> Iterator[ReverseStep]:
    """Deterministic DDIM (arXiv 2010.02502, eq. 12 with sigma = 0); one step is the paper's closed-form estimate.

    The steps are those of diffusers' `DDIMScheduler` with trailing spacing, except that its step from t goes to
    t - 1000 // steps even where the next timestep is another one; here it goes to the next timestep, so that any
    number of steps is exact. Everything but the prediction is float32.

    Args:
        scheduler: the model's; says what is predicted.
        predict: (noisy latent, timesteps (batch,)) -> prediction, same shape as the latent.
        noise: z_T, (batch, 4, rows, columns).
        num_inference_steps: from 1 to the scheduler's number of timesteps.

    Raises:
        InputError: there are not that many steps.
    """
    timesteps, noisy = ddim_timesteps(scheduler, num_inference_steps), noise
    for timestep, following in zip_longest(timesteps, timesteps[1:]):
        batch = _all(timestep, noisy)
        clean = estimate_clean_latent(scheduler, noisy, predict(noisy, batch), batch)
        yield ReverseStep(timestep, noisy, clean)
        if following is not None:
            predicted_noise = estimate_noise(scheduler, noisy, clean, batch)
            noisy = scheduler.add_noise(clean, predicted_noise, _all(following, noisy))


def _all(timestep: int, latent: torch.Tensor) -> torch.Tensor:
    """The timestep for every example of a batch."""
    return torch.full((len(latent),), timestep, device=latent.device)
