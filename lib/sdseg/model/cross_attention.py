"""The ablation's U-Net: conditioned by cross-attention to the image latent instead of by concatenation."""

from __future__ import annotations

import torch
from diffusers import UNet2DConditionModel
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.embeddings import get_2d_sincos_pos_embed
from diffusers.models.modeling_utils import ModelMixin

from sdseg.model.heads import set_heads
from sdseg.model.precision import end_in_float32


class CrossAttentionUNet(ModelMixin, ConfigMixin):
    """Predicts the noise in a mask latent and sees the image latent through attention alone (paper, table 6).

    The same network as `DenoisingUNet` otherwise: residual blocks with scale-shift time embedding, residual up- and
    down-sampling, `num_attention_heads` heads at every level but the deepest. Only the noisy mask latent enters the
    convolutions. Each pixel of the image latent is a token: a linear projection plus a fixed two-dimensional
    sine-cosine position. The keys and values of the tokens stand beside the pixels' own in every attention
    (diffusers' `SimpleCrossAttn` blocks, which alone keep residual sampling and scale-shift).

    Args:
        sample_size: rows = columns of the latent.
        in_channels: noisy mask latent plus image latent (4 + 4), half of it each.
        out_channels: of the prediction (4).
        block_out_channels: one number a level, from fine to coarse; the last level has no attention.
        layers_per_block: residual blocks a level.
        num_attention_heads: heads of every attention.
        norm_num_groups: groups of every GroupNorm.
        dropout: of the residual blocks, in training.
        num_class_embeds: number of classes for class-conditional (multi-class) models, or None.
        cross_attention_dim: width of a token, a multiple of four.

    Raises:
        ValueError: widths cannot be split as asked.
    """

    _supports_gradient_checkpointing = True
    any_size = False  # the tokens' positions are those within a whole slice

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
        cross_attention_dim: int = 768,
    ) -> None:
        super().__init__()
        if in_channels % 2 or cross_attention_dim % 4:
            raise ValueError(f"{in_channels} input channels must be even, {cross_attention_dim} a multiple of four")
        levels = len(block_out_channels) - 1
        self.unet = UNet2DConditionModel(
            sample_size=sample_size,
            in_channels=in_channels // 2,
            out_channels=out_channels,
            down_block_types=("SimpleCrossAttnDownBlock2D",) * levels + ("ResnetDownsampleBlock2D",),
            mid_block_type="UNetMidBlock2DSimpleCrossAttn",
            up_block_types=("ResnetUpsampleBlock2D",) + ("SimpleCrossAttnUpBlock2D",) * levels,
            block_out_channels=tuple(block_out_channels),
            layers_per_block=layers_per_block,
            attention_head_dim=1,  # divides every width; the heads are set below
            resnet_time_scale_shift="scale_shift",
            norm_num_groups=norm_num_groups,
            norm_eps=1e-5,
            dropout=dropout,
            num_class_embeds=num_class_embeds,
            cross_attention_dim=cross_attention_dim,
        )
        set_heads(self.unet, num_attention_heads)
        end_in_float32(self.unet)
        self.tokens = torch.nn.Linear(in_channels // 2, cross_attention_dim)

    def forward(
        self,
        sample: torch.Tensor,
        timestep: torch.Tensor | int,
        class_labels: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return the prediction; arguments and result as for `DenoisingUNet.forward`."""
        noisy, image_latent = sample.chunk(2, dim=1)
        tokens = self.tokens(image_latent.flatten(2).transpose(1, 2))
        tokens = tokens + self._positions(sample).to(tokens.dtype)
        return self.unet(noisy, timestep, encoder_hidden_states=tokens, class_labels=class_labels).sample

    def _positions(self, sample: torch.Tensor) -> torch.Tensor:
        """(rows * columns, width of a token), row by row."""
        size = (sample.shape[-2], sample.shape[-1])
        return get_2d_sincos_pos_embed(self.tokens.out_features, size, device=sample.device)
