"""SDSeg as a diffusers pipeline: image in, mask probability out, in one reverse step (or several, to compare)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

import torch
from diffusers import AutoencoderKL, DDPMScheduler, DiffusionPipeline

from sdseg.model.cross_attention import CrossAttentionUNet
from sdseg.model.multiclass import class_maps, pair_with_classes
from sdseg.model.networks import build_autoencoder, build_unet
from sdseg.model.parts import Parts
from sdseg.model.presets import ModelPreset
from sdseg.model.sampling import ReverseStep, reverse_process
from sdseg.model.schedule import PREDICTION_TYPES, draw_noise, make_scheduler
from sdseg.model.unet import DenoisingUNet
from sdseg.model.vision_encoder import VisionEncoder

_PASSES = 9  # of classes at a time: more would need gigabytes in the decoder and save no time


class SDSegPipeline(DiffusionPipeline):
    """Single-step latent-diffusion segmentation (arXiv 2406.18361, figure 1, inference path).

    The image is encoded by the trainable vision encoder, concatenated with one fixed noise tensor, the U-Net
    predicts that noise at the last timestep, the mask latent follows in closed form and the frozen decoder
    turns it into a mask. The scale of the mask latents is `vae.config.scaling_factor`, as in Stable Diffusion.
    A class-conditional U-Net (`num_class_embeds`) does this once a class, all of them from the same image latent.

    Components (one sub-folder each when saved): `vae`, `vision_encoder`, `unet`, `scheduler`.
    """

    def __init__(
        self,
        vae: AutoencoderKL,
        vision_encoder: VisionEncoder,
        unet: DenoisingUNet | CrossAttentionUNet,
        scheduler: DDPMScheduler,
    ) -> None:
        super().__init__()
        if scheduler.config.prediction_type not in PREDICTION_TYPES:
            raise ValueError(f"unknown prediction type '{scheduler.config.prediction_type}'")
        self.register_modules(vae=vae, vision_encoder=vision_encoder, unet=unet, scheduler=scheduler)

    @property
    def latent_size(self) -> int:
        return int(self.unet.config.sample_size)

    @property
    def image_size(self) -> int:
        """Rows = columns of the images the model was made for."""
        return self.latent_size * self._latent_pixel

    @property
    def _latent_pixel(self) -> int:
        """Rows = columns of the image that a pixel of the latent stands for."""
        return int(2 ** (len(self.vae.config.block_out_channels) - 1))

    @property
    def parts(self) -> Parts | None:
        """How it segments parts of slices; None where the U-Net, or the engine that runs a network, takes one size."""
        side = self._latent_pixel * 2 ** (len(self.unet.config.block_out_channels) - 1)
        networks = (self.vae, self.vision_encoder, self.unet)
        if self.image_size % side or not all(getattr(network, "any_size", True) for network in networks):
            return None
        return Parts(side, min(2 * self._latent_pixel, side), self.segment_parts)

    @property
    def classes(self) -> int | None:
        """Number of classes with the background of a class-conditional model; None for a binary one."""
        classes = self.unet.config.num_class_embeds
        return None if classes is None else int(classes)

    @torch.inference_mode()
    def __call__(
        self, image: torch.Tensor, seed: int = 0, noise: torch.Tensor | None = None, num_inference_steps: int = 1
    ) -> torch.Tensor:
        """Segment a batch of slices.

        Args:
            image: (batch, 3, rows, columns) in [-1, 1], rows = columns = `image_size`.
            seed: chooses the noise; see `draw_noise`.
            noise: (1 or batch, 4, latent rows, latent columns) instead of the seed's.
            num_inference_steps: 1 is the paper's closed form; more are DDIM, see `reverse_process`.

        Returns:
            (batch, 1, rows, columns) float32 in [0, 1] on the device of the model: the probability of the
            foreground, the mean over the decoder's three channels of (x + 1) / 2, each clamped.
            Class-conditional: (batch, classes, rows, columns), the softmax over the classes, background first.

        Raises:
            InputError: there are not that many steps.
        """
        noise = self.draw_noise(seed) if noise is None else noise
        return self.segment_latent(self.encode(image), noise, num_inference_steps)

    def segment_parts(self, parts: torch.Tensor, corners: Sequence[tuple[int, int]], seed: int = 0) -> torch.Tensor:
        """What `__call__` gives, of parts of slices, each with the part of the seed's noise that lies there.

        Args:
            parts: (batch, 3, rows, columns) in [-1, 1]; sizes and corners as `parts` says.
            corners: first row and column of each, in pixels of its slice.
            seed: chooses the noise.
        """
        noise, pixel = self.draw_noise(seed), self._latent_pixel
        rows, columns = (size // pixel for size in parts.shape[-2:])
        places = [(row // pixel, column // pixel) for row, column in corners]
        cut = [noise[..., row : row + rows, column : column + columns] for row, column in places]
        return self(parts, noise=torch.cat(cut))

    @torch.inference_mode()
    def encode(self, image: torch.Tensor) -> torch.Tensor:
        """The image latent, (batch, 4, latent rows, latent columns), of a batch as for `__call__`: it holds for every
        noise."""
        return self.vision_encoder(image.to(self.device, self.dtype))

    @torch.inference_mode()
    def segment_latent(
        self, image_latent: torch.Tensor, noise: torch.Tensor, num_inference_steps: int = 1
    ) -> torch.Tensor:
        """What `__call__` gives, from the image latent."""
        if self.classes is not None:
            return self.compare_classes(image_latent, noise, self.classes, num_inference_steps).softmax(dim=1)
        decoded = self.decode_mask_latent(self.estimate_mask_latent(image_latent, noise, None, num_inference_steps))
        return ((decoded.float() + 1) / 2).clamp(0, 1).mean(dim=1, keepdim=True)

    @torch.inference_mode()
    def trace(self, image: torch.Tensor, seed: int = 0, num_inference_steps: int = 10) -> list[ReverseStep]:
        """The reverse process, step by step, for pictures; arguments and errors as for `__call__`.

        The latents are (batch, 4, rows / 8, columns / 8), scaled (`decode_mask_latent` decodes them); of a
        class-conditional model (batch * classes, 4, ...), slice by slice, class 0 first.
        """
        image_latent, class_labels = self.vision_encoder(image.to(self.device, self.dtype)), None
        if self.classes is not None:
            image_latent, class_labels = pair_with_classes(image_latent, self.classes)
        return list(self.reverse_steps(image_latent, self.draw_noise(seed), class_labels, num_inference_steps))

    def draw_noise(self, seed: int) -> torch.Tensor:
        """The noise of the seed, (1, 4, latent rows, latent columns), on the CPU."""
        return draw_noise(seed, self.vae.config.latent_channels, self.latent_size)

    def compare_classes(
        self, image_latent: torch.Tensor, noise: torch.Tensor, classes: int, num_inference_steps: int = 1
    ) -> torch.Tensor:
        """One pass a class: (batch, classes, rows, columns) float32 maps, of which the largest wins."""
        means = []
        noises, _ = pair_with_classes(noise.expand(len(image_latent), -1, -1, -1), classes)
        paired = (*pair_with_classes(image_latent, classes), noises)
        for latent, ids, own in zip(*(t.split(_PASSES) for t in paired), strict=True):
            decoded = self.decode_mask_latent(self.estimate_mask_latent(latent, own, ids, num_inference_steps))
            means.append(decoded.float().mean(dim=1, keepdim=True))
        return class_maps(torch.cat(means), classes)

    def estimate_mask_latent(
        self,
        image_latent: torch.Tensor,
        noise: torch.Tensor,
        class_labels: torch.Tensor | None = None,
        num_inference_steps: int = 1,
    ) -> torch.Tensor:
        """The scaled mask latent z0, float32, shape of `image_latent`; arguments as for `reverse_steps`."""
        steps = self.reverse_steps(image_latent, noise, class_labels, num_inference_steps)
        return deque(steps, maxlen=1).pop().clean_latent

    def reverse_steps(
        self,
        image_latent: torch.Tensor,
        noise: torch.Tensor,
        class_labels: torch.Tensor | None = None,
        num_inference_steps: int = 1,
    ) -> Iterator[ReverseStep]:
        """The reverse process from the last timestep.

        Args:
            image_latent: (batch, 4, rows, columns), of the vision encoder.
            noise: z_T, (1 or batch, 4, rows, columns); one is the same for every slice.
            class_labels: class ids, (batch,), for a class-conditional model.
            num_inference_steps: see `__call__`.
        """

        def predict(noisy: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
            sample = torch.cat([noisy.to(image_latent.dtype), image_latent], dim=1)
            return self.unet(sample, timesteps, class_labels)

        noisy = noise.to(image_latent.device).expand(len(image_latent), -1, -1, -1)
        return reverse_process(self.scheduler, predict, noisy, num_inference_steps)

    def decode_mask_latent(self, latent: torch.Tensor) -> torch.Tensor:
        """(batch, 4, ...) scaled mask latent -> (batch, 3, rows, columns), about -1 outside and 1 inside."""
        return self.vae.decode((latent / self.vae.config.scaling_factor).to(self.vae.dtype)).sample


def build_pipeline(
    preset: ModelPreset,
    vae: AutoencoderKL | None = None,
    classes: int | None = None,
    conditioning: str = "concat",
    prediction_type: str = "epsilon",
    frozen_encoder: bool = False,
) -> SDSegPipeline:
    """A pipeline of the preset's size; the vision encoder starts as a copy of the autoencoder's encoder.

    Args:
        preset: sizes.
        vae: the autoencoder to build on; default one with random weights.
        classes: with the background, for a class-conditional model.
        conditioning: how the image latent reaches the U-Net, see `build_unet`.
        prediction_type: what the U-Net predicts, see `make_scheduler`.
        frozen_encoder: see `VisionEncoder.from_autoencoder`.

    Raises:
        UnknownNameError: there is no such conditioning or prediction type.
    """
    vae = vae or build_autoencoder(preset)
    encoder, unet = VisionEncoder.from_autoencoder(vae, frozen_encoder), build_unet(preset, classes, conditioning)
    return SDSegPipeline(vae, encoder, unet, make_scheduler(prediction_type))
