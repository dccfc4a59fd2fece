"""The networks of a preset's size, with random weights."""

from __future__ import annotations

from diffusers import AutoencoderKL

from sdseg.model.presets import ModelPreset
from sdseg.model.unet import DenoisingUNet


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
