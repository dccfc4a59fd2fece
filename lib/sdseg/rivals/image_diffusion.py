"""A diffusion model in image space, of the kind of MedSegDiff and Diff-U-Net, as a diffusers pipeline."""

from __future__ import annotations

import torch
from diffusers import DDIMScheduler, DiffusionPipeline

from sdseg.model.schedule import draw_noise
from sdseg.rivals.network import DenoisingNetwork
from sdseg.rivals.single_network import SingleNetwork


def make_ddim_scheduler(prediction_type: str = "sample") -> DDIMScheduler:
    """DDPM's linear schedule of 1000 steps, sampled with DDIM from the last timestep; masks stay in [-1, 1].

    Args:
        prediction_type: of the network: "sample", the mask, as in Diff-U-Net; or "epsilon", the noise, as in
            MedSegDiff.
    """
    return DDIMScheduler(
        num_train_timesteps=1000,
        beta_schedule="linear",
        beta_start=1e-4,
        beta_end=0.02,
        clip_sample=True,
        timestep_spacing="trailing",
        prediction_type=prediction_type,
    )


class ImageDiffusionPipeline(SingleNetwork, DiffusionPipeline):
    """Masks are denoised at full size, several times, and averaged.

    Components (a sub-folder each when saved): `network`, `scheduler`.

    Args:
        network: predicts what `scheduler` says.
        scheduler: see `make_ddim_scheduler`.
        num_inference_steps: DDIM steps of a mask, unless a call says otherwise.
        samples: masks that are averaged, unless a call says otherwise.
    """

    def __init__(
        self, network: DenoisingNetwork, scheduler: DDIMScheduler, num_inference_steps: int = 10, samples: int = 1
    ) -> None:
        super().__init__()
        self.register_modules(network=network, scheduler=scheduler)
        self.register_to_config(num_inference_steps=num_inference_steps, samples=samples)

    @torch.inference_mode()
    def __call__(
        self,
        image: torch.Tensor,
        seed: int = 0,
        num_inference_steps: int | None = None,
        samples: int | None = None,
    ) -> torch.Tensor:
        """Segment a batch of slices.

        Args:
            image: (batch, 3, rows, columns) in [-1, 1], rows = columns = `image_size`.
            seed: of the noise; the same for every slice, so that the batch size does not matter.
            num_inference_steps: DDIM steps, eta 0; None for the pipeline's own.
            samples: number of masks to average; None for the pipeline's own.

        Returns:
            (batch, 1, rows, columns) float32 in [0, 1]: the mean of the masks; or, with `classes`, (batch, classes,
            rows, columns), the mean of the masks divided by their sum over the classes, background first.
        """
        count = samples or int(self.config.samples)
        channels = self.classes or 1
        noise = draw_noise(seed, count * channels, self.image_size).unflatten(1, (count, channels))[0]
        image = image.to(self.device, self.dtype)
        steps = num_inference_steps or int(self.config.num_inference_steps)
        total = torch.zeros(len(image), channels, *image.shape[-2:], device=self.device)
        for start in noise:
            total += self._denoise(image, start, steps)
        if self.classes is None:
            return total / count
        return (total + 1e-6) / (total + 1e-6).sum(dim=1, keepdim=True)

    def _denoise(self, image: torch.Tensor, noise: torch.Tensor, steps: int) -> torch.Tensor:
        """One mask a slice, (batch, channels, rows, columns) float32 in [0, 1], from (channels, rows, columns)."""
        mask = noise.to(image.device).expand(len(image), -1, -1, -1)
        self.scheduler.set_timesteps(steps)
        for timestep in self.scheduler.timesteps.tolist():
            timesteps = torch.full((len(image),), timestep, device=image.device)
            predicted = self.network(image, mask.to(image.dtype), timesteps).float()
            mask = self.scheduler.step(predicted, timestep, mask).prev_sample
        return ((mask + 1) / 2).clamp(0, 1)
