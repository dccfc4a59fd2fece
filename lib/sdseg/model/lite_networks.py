"""Distilled parts in the latent space of a trained model: a mask decoder and a vision encoder of a few GFLOP.

They compute where the pictures are small, beside the latent, and reach the picture's size by rearranging channels
(sub-pixel convolution). The decoder is not normalised: an engine then fuses each convolution with what follows it.
Encoder and U-Net are: they learn quicker so, and bear the contrasts of other scanners.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from diffusers import AutoencoderKL
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch.nn.functional import silu

_NARROWEST, _WIDEST = 16, 96  # of the layers beside the latent; the widest gives 0.8 million parameters
_BLOCKS = 4
GROUPS, _LEVELS = 8, 3  # of normalisations, whose widths are multiples of them; of an encoder


class LiteBlock(torch.nn.Module):
    """Two 3x3 convolutions beside a shortcut; each place is also told the mean over all places.

    Args:
        channels: in and out.
        norm_num_groups: of a GroupNorm before them; 0 for none.
    """

    def __init__(self, channels: int, norm_num_groups: int = 0) -> None:
        super().__init__()
        self.norm = torch.nn.GroupNorm(norm_num_groups, channels) if norm_num_groups else torch.nn.Identity()
        self.first = torch.nn.Conv2d(channels, channels, 3, padding=1)
        self.whole = torch.nn.Conv2d(channels, channels, 1)
        self.second = torch.nn.Conv2d(channels, channels, 3, padding=1)
        torch.nn.init.zeros_(self.second.weight)  # it begins as the identity, so that depth does no harm
        torch.nn.init.zeros_(self.whole.weight)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """(batch, channels, rows, columns), in and out."""
        active = silu(self.norm(hidden))
        inner = self.first(active) + self.whole(active.mean(dim=(2, 3), keepdim=True))
        return hidden + self.second(silu(inner))


class Enlarging(torch.nn.Sequential):
    """(batch, wide, rows, columns) -> (batch, narrow, 2 rows, 2 columns)."""

    def __init__(self, wide: int, narrow: int) -> None:
        super().__init__(torch.nn.SiLU(), torch.nn.Conv2d(wide, 4 * narrow, 3, padding=1), torch.nn.PixelShuffle(2))


class _ThreeAlike(torch.nn.Module):
    """(batch, 1, rows, columns) -> (batch, 3, rows, columns), as the autoencoder gives a mask."""

    def forward(self, mask: torch.Tensor) -> torch.Tensor:
        return mask.expand(-1, 3, -1, -1)


@dataclass(frozen=True)
class LiteDecoded:
    """What `AutoencoderKL.decode` returns: `sample`, (batch, 3, rows, columns)."""

    sample: torch.Tensor


class LiteDecoder(ModelMixin, ConfigMixin):
    """Stands where a pipeline has its `AutoencoderKL`, for decoding masks.

    Args:
        block_out_channels: channels at each level, that of the mask first, that of the latent last.
        blocks: residual blocks beside the latent.
        latent_channels: channels of the latent (4).
        scaling_factor: of the autoencoder it stands for.
    """

    post_quant_conv = None  # an engine takes `post_quant_conv` and `decoder`, as an autoencoder has them

    @register_to_config
    def __init__(
        self,
        block_out_channels: tuple[int, ...] = (1, 16, 32, 96),
        blocks: int = _BLOCKS,
        latent_channels: int = 4,
        scaling_factor: float = 1.0,
    ) -> None:
        super().__init__()
        if len(block_out_channels) < 2 or block_out_channels[0] != 1:
            raise ValueError(f"the channels of a mask decoder begin with 1 for the mask, not {block_out_channels}")
        widths = tuple(reversed(block_out_channels))
        layers: list[torch.nn.Module] = [torch.nn.Conv2d(latent_channels, widths[0], 3, padding=1)]
        layers += [LiteBlock(widths[0]) for _ in range(blocks)]
        for wide, narrow in pairwise(widths):
            layers.append(Enlarging(wide, narrow))
            if narrow > 1:
                layers.append(LiteBlock(narrow))
        self.decoder = torch.nn.Sequential(*layers, _ThreeAlike())

    @classmethod
    def like(cls, vae: AutoencoderKL) -> LiteDecoder:
        """One with random weights, of a size that suits the autoencoder's."""
        levels, wide = len(vae.config.block_out_channels), _width(vae)
        between = [max(8, (wide // 24) * 8 // 2 ** (levels - 2 - level)) for level in range(1, levels - 1)]
        return cls(
            block_out_channels=(1, *between, wide),
            latent_channels=vae.config.latent_channels,
            scaling_factor=vae.config.scaling_factor,
        )

    def decode(self, latent: torch.Tensor) -> LiteDecoded:
        """(batch, 4, rows / 8, columns / 8), not scaled -> (batch, 3, rows, columns), three equal channels."""
        return LiteDecoded(self.decoder(latent))

    def forward(self, latent: torch.Tensor) -> torch.Tensor:
        return self.decode(latent).sample


class LiteEncoder(ModelMixin, ConfigMixin):
    """Stands where a pipeline has its `VisionEncoder`.

    Args:
        block_out_channels: channels at each level, that of the latent last; above the first the picture's pixels are
            rearranged into channels.
        blocks: residual blocks beside the latent.
        shrink: how many pixels of the image, along an axis, one of the latent stands for.
        latent_channels: channels of the latent (4).
        norm_num_groups: of the blocks' normalisation, see `LiteBlock`.
    """

    @register_to_config
    def __init__(
        self,
        block_out_channels: tuple[int, ...] = (24, 48, 96),
        blocks: int = _BLOCKS,
        shrink: int = 8,
        latent_channels: int = 4,
        norm_num_groups: int = 0,
    ) -> None:
        super().__init__()
        halvings = len(block_out_channels) - 1
        if halvings < 0 or shrink % 2**halvings:
            raise ValueError(f"an encoder of {halvings} halvings cannot shrink a picture by {shrink}")
        apart, first, wide = shrink // 2**halvings, block_out_channels[0], block_out_channels[-1]
        layers: list[torch.nn.Module] = [
            torch.nn.PixelUnshuffle(apart),
            torch.nn.Conv2d(3 * apart**2, first, 3, padding=1),
        ]
        for narrow, wider in pairwise(block_out_channels):
            layers += [LiteBlock(narrow, norm_num_groups), torch.nn.SiLU()]
            layers.append(torch.nn.Conv2d(narrow, wider, 3, padding=1, stride=2))
        layers += [LiteBlock(wide, norm_num_groups) for _ in range(blocks)]
        self.encoder = torch.nn.Sequential(
            *layers, torch.nn.SiLU(), torch.nn.Conv2d(wide, latent_channels, 3, padding=1)
        )

    @classmethod
    def like(cls, vae: AutoencoderKL) -> LiteEncoder:
        """One with random weights, of a size that suits the autoencoder's."""
        wide, levels = _width(vae), len(vae.config.block_out_channels)
        widths = [max(1, wide // 2**level // GROUPS) * GROUPS for level in range(min(_LEVELS, levels))]
        return cls(
            block_out_channels=tuple(reversed(widths)),
            shrink=2 ** (levels - 1),
            latent_channels=vae.config.latent_channels,
            norm_num_groups=GROUPS,
        )

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """(batch, 3, rows, columns) in [-1, 1] -> (batch, 4, rows / 8, columns / 8)."""
        return self.encoder(image)


def _width(vae: AutoencoderKL) -> int:
    """Of the layers beside the latent."""
    return max(_NARROWEST, min(_WIDEST, int(vae.config.block_out_channels[-1])))
