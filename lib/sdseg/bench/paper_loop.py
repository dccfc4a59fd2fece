"""The baseline: the paper's loop over slices (section 2.2), one after the other in float32, kept here for comparison.

Nothing is folded, converted or kept: PyTorch's defaults, the C library's allocator, tensors as they come. Nothing is
slowed either: the networks are the pipeline's own, with PyTorch's fused attention, and no gradients are recorded. It
shares no code with `SDSegPipeline.__call__`, so that what makes that one faster leaves this one as it is.
"""

from __future__ import annotations

import torch

from sdseg.model.pipeline import SDSegPipeline


class PaperLoop:
    """Segments slices with the networks of a binary pipeline that predicts the noise.

    Args:
        pipeline: in evaluation mode, float32.
        seed: of the one noise tensor of all slices.

    Raises:
        ValueError: another kind of model.
    """

    def __init__(self, pipeline: SDSegPipeline, seed: int = 0) -> None:
        if pipeline.classes is not None or pipeline.scheduler.config.prediction_type != "epsilon":
            raise ValueError("the paper's loop is for one structure and a U-Net that predicts the noise")
        self._pipeline = pipeline
        self._noise = pipeline.draw_noise(seed).to(pipeline.device)
        self._last = int(pipeline.scheduler.config.num_train_timesteps) - 1
        kept = pipeline.scheduler.alphas_cumprod[self._last]
        self._of_noisy, self._of_noise = float((1 / kept).sqrt()), float((1 / kept - 1).sqrt())

    def encode(self, image: torch.Tensor) -> torch.Tensor:
        """(1, 3, rows, columns) in [-1, 1] -> (1, 4, rows / 8, columns / 8)."""
        return self._pipeline.vision_encoder(image.to(self._pipeline.device))

    def estimate(self, latent: torch.Tensor) -> torch.Tensor:
        """The mask latent in one step: z0 = sqrt(1 / abar) z_T - sqrt(1 / abar - 1) eps."""
        timestep = torch.full((1,), self._last, device=latent.device)
        noise = self._pipeline.unet(torch.cat([self._noise, latent], dim=1), timestep)
        return self._of_noisy * self._noise - self._of_noise * noise

    def decode(self, latent: torch.Tensor) -> torch.Tensor:
        """(1, 4, rows / 8, columns / 8) -> the probability of the foreground, (1, 1, rows, columns)."""
        vae = self._pipeline.vae
        decoded = vae.decode(latent / vae.config.scaling_factor).sample
        return ((decoded + 1) / 2).clamp(0, 1).mean(dim=1, keepdim=True)

    @torch.inference_mode()
    def __call__(self, slices: torch.Tensor) -> torch.Tensor:
        """(slices, 3, rows, columns) -> (slices, 1, rows, columns)."""
        return torch.cat([self.decode(self.estimate(self.encode(image))) for image in slices.split(1)])
