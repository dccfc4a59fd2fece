"""What the full model answers: image latents, mask latents as its U-Net estimates them, decoded masks."""

from __future__ import annotations

import torch

from sdseg.model.mask_decoder import MaskDecoder
from sdseg.model.pipeline import SDSegPipeline
from sdseg.training.mask_image import mask_to_image


class Teacher:
    """A trained model, frozen.

    Args:
        pipeline: on its device, in evaluation mode.
    """

    def __init__(self, pipeline: SDSegPipeline) -> None:
        self.pipeline = pipeline
        self.classes = pipeline.classes
        self.encodes_masks = not isinstance(pipeline.vae, MaskDecoder)

    def image_latents(self, images: torch.Tensor) -> torch.Tensor:
        """(batch, 3, rows, columns) in [-1, 1] -> (batch, 4, rows / 8, columns / 8)."""
        return self.pipeline.vision_encoder(images).float()

    def estimates(self, image_latents: torch.Tensor, noise: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
        """The scaled mask latents, with gradient to the image latents.

        Args:
            image_latents: (batch, 4, rows, columns).
            noise: z_T of each, the same shape.
            classes: ids, (batch,); not looked at by a binary model.
        """
        labels = None if self.classes is None else classes
        return self.pipeline.estimate_mask_latent(image_latents, noise, labels)

    def mask_latents(self, masks: torch.Tensor) -> torch.Tensor:
        """(batch, 1, rows, columns) -> the scaled latents of the masks, the mean of their posterior."""
        vae = self.pipeline.vae
        return vae.encode(mask_to_image(masks)).latent_dist.mode().float() * vae.config.scaling_factor

    def decoded(self, latents: torch.Tensor) -> torch.Tensor:
        """Scaled mask latents -> (batch, 1, rows, columns) in [-1, 1], the mean of the clamped channels.

        The sign decides about a pixel, of a binary model.
        """
        return self.pipeline.decode_mask_latent(latents).float().clamp(-1, 1).mean(dim=1, keepdim=True)

    def noises(self, seeds: torch.Tensor) -> torch.Tensor:
        """The noise of each seed, (batch, 4, rows, columns)."""
        drawn = [self.pipeline.draw_noise(int(seed)) for seed in seeds]
        return torch.cat(drawn).to(self.pipeline.device)
