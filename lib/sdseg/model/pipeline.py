"""SDSeg as a diffusers pipeline: image in, mask probability out, in one reverse step."""

from __future__ import annotations

import torch
from diffusers import AutoencoderKL, DDPMScheduler, DiffusionPipeline

from sdseg.model.multiclass import class_maps, pair_with_classes
from sdseg.model.presets import ModelPreset
from sdseg.model.schedule import draw_noise, estimate_clean_latent, make_scheduler
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
        self, vae: AutoencoderKL, vision_encoder: VisionEncoder, unet: DenoisingUNet, scheduler: DDPMScheduler
    ) -> None:
        super().__init__()
        self.register_modules(vae=vae, vision_encoder=vision_encoder, unet=unet, scheduler=scheduler)

    @property
    def latent_size(self) -> int:
        return int(self.unet.config.sample_size)

    @property
    def image_size(self) -> int:
        """Rows = columns of the images the model was made for."""
        return self.latent_size * 2 ** (len(self.vae.config.block_out_channels) - 1)

    @property
    def classes(self) -> int | None:
        """Number of classes with the background of a class-conditional model; None for a binary one."""
        classes = self.unet.config.num_class_embeds
        return None if classes is None else int(classes)

    @torch.inference_mode()
    def __call__(self, image: torch.Tensor, seed: int = 0, noise: torch.Tensor | None = None) -> torch.Tensor:
        """Segment a batch of slices.

        Args:
            image: (batch, 3, rows, columns) in [-1, 1], rows = columns = `image_size`.
            seed: chooses the noise; see `draw_noise`.
            noise: (1, 4, latent rows, latent columns) instead of the seed's.

        Returns:
            (batch, 1, rows, columns) float32 in [0, 1] on the device of the model: the probability of the
            foreground, the mean over the decoder's three channels of (x + 1) / 2, each clamped.
            Class-conditional: (batch, classes, rows, columns), the softmax over the classes, background first.
        """
        if noise is None:
            noise = draw_noise(seed, self.vae.config.latent_channels, self.latent_size)
        image_latent = self.vision_encoder(image.to(self.device, self.dtype))
        if self.classes is not None:
            return self.compare_classes(image_latent, noise, self.classes).softmax(dim=1)
        decoded = self.decode_mask_latent(self.estimate_mask_latent(image_latent, noise))
        return ((decoded.float() + 1) / 2).clamp(0, 1).mean(dim=1, keepdim=True)

    def compare_classes(self, image_latent: torch.Tensor, noise: torch.Tensor, classes: int) -> torch.Tensor:
        """One pass a class: (batch, classes, rows, columns) float32 maps, of which the largest wins."""
        means = [
            self.decode_mask_latent(self.estimate_mask_latent(latent, noise, ids)).float().mean(dim=1, keepdim=True)
            for latent, ids in zip(*(t.split(_PASSES) for t in pair_with_classes(image_latent, classes)), strict=True)
        ]
        return class_maps(torch.cat(means), classes)

    def estimate_mask_latent(
        self, image_latent: torch.Tensor, noise: torch.Tensor, class_labels: torch.Tensor | None = None
    ) -> torch.Tensor:
        """One reverse step from the last timestep: the scaled mask latent z0, float32, shape of `image_latent`.

        `class_labels` are class ids, (batch,), for a class-conditional model.
        """
        last = int(self.scheduler.config.num_train_timesteps) - 1
        timesteps = torch.full((len(image_latent),), last, device=image_latent.device)
        noisy = noise.to(image_latent.device).expand(len(image_latent), -1, -1, -1)
        predicted = self.unet(torch.cat([noisy.to(image_latent.dtype), image_latent], dim=1), timesteps, class_labels)
        return estimate_clean_latent(self.scheduler, noisy, predicted, timesteps)

    def decode_mask_latent(self, latent: torch.Tensor) -> torch.Tensor:
        """(batch, 4, ...) scaled mask latent -> (batch, 3, rows, columns), about -1 outside and 1 inside."""
        return self.vae.decode((latent / self.vae.config.scaling_factor).to(self.vae.dtype)).sample


def build_autoencoder(preset: ModelPreset) -> AutoencoderKL:
    """A KL autoencoder of the preset's size with random weights; `scaling_factor` is 1 until it is measured."""
    levels = len(preset.vae_block_out_channels)
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        block_out_channels=preset.vae_block_out_channels,
        layers_per_block=preset.vae_layers_per_block,
        latent_channels=preset.latent_channels,
        norm_num_groups=preset.vae_norm_num_groups,
        sample_size=preset.image_size,
        scaling_factor=1.0,
    )


def build_unet(preset: ModelPreset, classes: int | None = None) -> DenoisingUNet:
    """A denoising U-Net of the preset's size with random weights; `classes` (with background) makes it conditional."""
    return DenoisingUNet(
        sample_size=preset.latent_size,
        in_channels=2 * preset.latent_channels,
        out_channels=preset.latent_channels,
        block_out_channels=preset.unet_block_out_channels,
        layers_per_block=preset.unet_layers_per_block,
        num_attention_heads=preset.unet_num_attention_heads,
        norm_num_groups=preset.unet_norm_num_groups,
        dropout=preset.unet_dropout,
        num_class_embeds=classes,
    )


def build_pipeline(preset: ModelPreset, vae: AutoencoderKL | None = None, classes: int | None = None) -> SDSegPipeline:
    """A pipeline of the preset's size; the vision encoder starts as a copy of the autoencoder's encoder."""
    vae = vae or build_autoencoder(preset)
    return SDSegPipeline(vae, VisionEncoder.from_autoencoder(vae), build_unet(preset, classes), make_scheduler())
