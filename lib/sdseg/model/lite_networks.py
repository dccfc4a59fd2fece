"""Distilled parts in the latent space of a trained model: a mask decoder and a vision encoder of a few GFLOP.

They compute where the pictures are small, beside the latent, and reach the picture's size by rearranging channels
(sub-pixel convolution). No normalisation: an engine then fuses each convolution with what follows it. The trained U-Net
stays as it is.
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


class LiteBlock(torch.nn.Module):
    """Two 3x3 convolutions beside a shortcut; each place is also told the mean over all places.

    Args:
        channels: in and out.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = torch.nn.Conv2d(channels, channels, 3, padding=1)
        self.whole = torch.nn.Conv2d(channels, channels, 1)
        self.second = torch.nn.Conv2d(channels, channels, 3, padding=1)
        torch.nn.init.zeros_(self.second.weight)  # it begins as the identity, so that depth does no harm
        torch.nn.init.zeros_(self.whole.weight)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """(batch, channels, rows, columns), in and out."""
        active = silu(hidden)
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
        block_out_channels: channels at the level above the latent's, and at the latent's.
        blocks: residual blocks beside the latent.
        shrink: how many pixels of the image, along an axis, one of the latent stands for.
        latent_channels: channels of the latent (4).
    """

    @register_to_config
    def __init__(
        self,
        block_out_channels: tuple[int, int] = (48, 96),
        blocks: int = _BLOCKS,
        shrink: int = 8,
        latent_channels: int = 4,
    ) -> None:
        super().__init__()
        if shrink < 2 or shrink % 2:
            raise ValueError(f"an encoder halves the picture at least once, not by {shrink}")
        narrow, wide = block_out_channels
        self.encoder = torch.nn.Sequential(
            torch.nn.PixelUnshuffle(shrink // 2),
            torch.nn.Conv2d(3 * (shrink // 2) ** 2, narrow, 3, padding=1),
            LiteBlock(narrow),
            torch.nn.SiLU(),
            torch.nn.Conv2d(narrow, wide, 3, padding=1, stride=2),
            *(LiteBlock(wide) for _ in range(blocks)),
            torch.nn.SiLU(),
            torch.nn.Conv2d(wide, latent_channels, 3, padding=1),
        )

    @classmethod
    def like(cls, vae: AutoencoderKL) -> LiteEncoder:
        """One with random weights, of a size that suits the autoencoder's."""
        wide = _width(vae)
        return cls(
            block_out_channels=(wide // 2, wide),
            shrink=2 ** (len(vae.config.block_out_channels) - 1),
            latent_channels=vae.config.latent_channels,
        )

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """(batch, 3, rows, columns) in [-1, 1] -> (batch, 4, rows / 8, columns / 8)."""
        return self.encoder(image)


def _width(vae: AutoencoderKL) -> int:
    """Of the layers beside the latent."""
    return max(_NARROWEST, min(_WIDEST, int(vae.config.block_out_channels[-1])))
