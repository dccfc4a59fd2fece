"""The networks of a preset's size, with random weights."""

from __future__ import annotations

from typing import Any

from diffusers import AutoencoderKL

from sdseg.errors import UnknownNameError
from sdseg.model.cross_attention import CrossAttentionUNet
from sdseg.model.presets import ModelPreset
from sdseg.model.unet import DenoisingUNet

CONDITIONINGS = ("concat", "cross_attention")

UNMEASURED = 1.0  # scale of latents before it is measured, at the beginning of a training


def build_autoencoder(preset: ModelPreset) -> AutoencoderKL:
    """A KL autoencoder of the preset's size with random weights; `scaling_factor` is `UNMEASURED`."""
    levels = len(preset.vae_block_out_channels)
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        block_out_channels=preset.vae_block_out_channels,
        layers_per_block=preset.vae_layers_per_block,
        latent_channels=preset.latent_channels,
        norm_num_groups=preset.vae_norm_num_groups,
        sample_size=preset.image_size,
        scaling_factor=UNMEASURED,
    )


def build_unet(
    preset: ModelPreset, classes: int | None = None, conditioning: str = "concat"
) -> DenoisingUNet | CrossAttentionUNet:
    """A denoising U-Net of the preset's size with random weights.

    Args:
        preset: sizes.
        classes: with the background, for a class-conditional U-Net.
        conditioning: how the image latent comes in: "concat" (the paper) or "cross_attention" (its ablation).

    Raises:
        UnknownNameError: there is no such conditioning.
    """
    sizes: dict[str, Any] = {
        "sample_size": preset.latent_size,
        "in_channels": 2 * preset.latent_channels,
        "out_channels": preset.latent_channels,
        "block_out_channels": preset.unet_block_out_channels,
        "layers_per_block": preset.unet_layers_per_block,
        "num_attention_heads": preset.unet_num_attention_heads,
        "norm_num_groups": preset.unet_norm_num_groups,
        "dropout": preset.unet_dropout,
        "num_class_embeds": classes,
    }
    if conditioning == "concat":
        return DenoisingUNet(**sizes)
    if conditioning == "cross_attention":
        return CrossAttentionUNet(**sizes, cross_attention_dim=preset.unet_block_out_channels[-1])
    raise UnknownNameError(f"There is no conditioning '{conditioning}'; choose one of: {', '.join(CONDITIONINGS)}.")
