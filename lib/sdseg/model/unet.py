"""The denoising U-Net: diffusers' `UNet2DModel`, with the authors' fixed number of attention heads."""

from __future__ import annotations

import torch
from diffusers import UNet2DModel
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin

from sdseg.model.heads import set_heads
from sdseg.model.precision import end_in_float32


class DenoisingUNet(ModelMixin, ConfigMixin):
    """Predicts the noise in a mask latent (or z0, or v), given the image latent beside it.

    LDM's U-Net as SDSeg uses it: residual up- and down-sampling, scale-shift time embedding, self-attention at
    every level but the deepest, and `num_attention_heads` heads at each of them. `UNet2DModel` fixes the head
    *width* instead; converted weights load into either without complaint, but only this one computes what the
    authors' network computes, so the head count is configuration here and survives `from_pretrained`.

    Args:
        sample_size: rows = columns of the latent.
        in_channels: noisy mask latent plus image latent (4 + 4).
        out_channels: of the prediction (4).
        block_out_channels: one number a level, from fine to coarse; the last level has no attention.
        layers_per_block: residual blocks a level.
        num_attention_heads: heads of every self-attention.
        norm_num_groups: groups of every GroupNorm.
        dropout: of the residual blocks, in training.
        num_class_embeds: number of classes for class-conditional (multi-class) models, or None.
    """

    _supports_gradient_checkpointing = True

    @register_to_config
    def __init__(
        self,
        sample_size: int = 32,
        in_channels: int = 8,
        out_channels: int = 4,
        block_out_channels: tuple[int, ...] = (192, 384, 384, 768, 768),
        layers_per_block: int = 2,
        num_attention_heads: int = 8,
        norm_num_groups: int = 32,
        dropout: float = 0.2,
        num_class_embeds: int | None = None,
    ) -> None:
        super().__init__()
        attention_levels = len(block_out_channels) - 1
        self.unet = UNet2DModel(
            sample_size=sample_size,
            in_channels=in_channels,
            out_channels=out_channels,
            down_block_types=("AttnDownBlock2D",) * attention_levels + ("ResnetDownsampleBlock2D",),
            up_block_types=("ResnetUpsampleBlock2D",) + ("AttnUpBlock2D",) * attention_levels,
            block_out_channels=tuple(block_out_channels),
            layers_per_block=layers_per_block,
            downsample_type="resnet",
            upsample_type="resnet",
            resnet_time_scale_shift="scale_shift",
            norm_num_groups=norm_num_groups,
            attn_norm_num_groups=norm_num_groups,
            norm_eps=1e-5,
            dropout=dropout,
            num_class_embeds=num_class_embeds,
        )
        set_heads(self.unet, num_attention_heads)
        end_in_float32(self.unet)

    def forward(
        self,
        sample: torch.Tensor,
        timestep: torch.Tensor | int,
        class_labels: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return the prediction, which is float32 even under autocast.

        Args:
            sample: (batch, 8, rows, columns): noisy mask latent, then image latent, on the channel axis.
            timestep: one integer, or (batch,).
            class_labels: (batch,) class ids for a class-conditional model.

        Returns:
            (batch, 4, rows, columns).
        """
        return self.unet(sample, timestep, class_labels=class_labels).sample
