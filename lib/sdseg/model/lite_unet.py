"""The distilled U-Net: what the trained one estimates in the single reverse step, at a tenth of the work."""

from __future__ import annotations

from typing import Any

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch.nn.functional import silu

from sdseg.errors import InputError
from sdseg.model.lite_networks import GROUPS, Enlarging, LiteBlock
from sdseg.model.schedule import last_shares

_LEVELS = 3
_BLOCKS = 2  # a level, on the way down and on the way up


class LiteUNet(ModelMixin, ConfigMixin):
    """Stands where a pipeline has its U-Net, at the last timestep alone.

    It estimates the mask latent z0 and answers with the prediction (noise, z0 or v) that leads there, so that the
    closed form recovers its estimate as it is: no error of the network is amplified, as those of a predicted noise are.

    Args:
        sample_size: rows = columns of the latent.
        in_channels: noisy mask latent plus image latent (4 + 4).
        out_channels: of the prediction (4).
        block_out_channels: one number a level, from fine to coarse.
        blocks: residual blocks a level, on the way down and on the way up.
        num_class_embeds: number of classes of a class-conditional model, or None.
        prediction_type: what the pipeline's scheduler wants predicted.
        norm_num_groups: of the blocks' normalisation, see `LiteBlock`.
    """

    @register_to_config
    def __init__(
        self,
        sample_size: int = 32,
        in_channels: int = 8,
        out_channels: int = 4,
        block_out_channels: tuple[int, ...] = (96, 192, 384),
        blocks: int = _BLOCKS,
        num_class_embeds: int | None = None,
        prediction_type: str = "epsilon",
        norm_num_groups: int = 0,
    ) -> None:
        super().__init__()
        if in_channels != 2 * out_channels:
            raise ValueError(f"{in_channels} input channels are not two latents of {out_channels}")
        if sample_size % 2 ** (len(block_out_channels) - 1):
            raise ValueError(f"a latent of {sample_size} pixels cannot be halved {len(block_out_channels) - 1} times")
        self._timestep, _, _ = last_shares(prediction_type)
        fine = block_out_channels[0]
        self.conv_in = torch.nn.Conv2d(in_channels, fine, 3, padding=1)
        self.class_embedding = torch.nn.Embedding(num_class_embeds, fine) if num_class_embeds else None
        self.inner = _Level(tuple(block_out_channels), blocks, norm_num_groups)
        self.conv_out = torch.nn.Conv2d(fine, out_channels, 3, padding=1)
        torch.nn.init.zeros_(self.conv_out.weight)

    @classmethod
    def like(cls, unet: Any, prediction_type: str) -> LiteUNet:
        """One with random weights, of a size that suits the U-Net's."""
        config = unet.config
        fine = max(1, int(config.block_out_channels[0]) // (2 * GROUPS)) * GROUPS
        levels = min(_LEVELS, len(config.block_out_channels))
        return cls(
            sample_size=config.sample_size,
            in_channels=2 * config.out_channels,
            out_channels=config.out_channels,
            block_out_channels=tuple(fine * 2**level for level in range(levels)),
            num_class_embeds=config.num_class_embeds,
            prediction_type=prediction_type,
            norm_num_groups=GROUPS,
        )

    def forward(
        self, sample: torch.Tensor, timestep: torch.Tensor | int, class_labels: torch.Tensor | None = None
    ) -> torch.Tensor:
        """The prediction, (batch, 4, rows, columns) float32.

        Args:
            sample: (batch, 8, rows, columns): noisy mask latent, then image latent, on the channel axis; float32.
            timestep: the last one; one integer, or (batch,).
            class_labels: (batch,) class ids for a class-conditional model.

        Raises:
            InputError: it is asked for another timestep, as more than one reverse step does.
        """
        if bool((torch.as_tensor(timestep) != self._timestep).any()):
            raise InputError("The lite U-Net makes the single reverse step only; choose the full one for more steps.")
        return prediction_of(self.config, sample, self.estimate(sample, class_labels))

    def estimate(self, sample: torch.Tensor, class_labels: torch.Tensor | None = None) -> torch.Tensor:
        """The estimate of z0 itself, float32; arguments as for `forward`."""
        hidden = self.conv_in(sample)
        if self.class_embedding is not None:
            hidden = hidden + self.class_embedding(class_labels)[:, :, None, None]
        return self.conv_out(silu(self.inner(hidden))).float()


def prediction_of(config: Any, sample: torch.Tensor, clean: torch.Tensor) -> torch.Tensor:
    """The prediction, (batch, 4, rows, columns) float32, from which the closed form recovers z0.

    Args:
        config: of a `LiteUNet`.
        sample: float32, whose first half is z_T.
        clean: the estimate of z0.
    """
    if config.prediction_type == "sample":
        return clean
    _, signal, share = last_shares(config.prediction_type)
    noise = (sample[:, : config.out_channels] - signal * clean) / share
    return noise if config.prediction_type == "epsilon" else signal * noise - share * clean


class _Level(torch.nn.Module):
    """Residual blocks, beside them, at half the size, the deeper levels, then residual blocks.

    Args:
        widths: channels of this level and of the deeper ones.
        blocks: before and after.
        norm_num_groups: see `LiteBlock`.
    """

    def __init__(self, widths: tuple[int, ...], blocks: int, norm_num_groups: int) -> None:
        super().__init__()
        own, deeper = widths[0], widths[1:]
        self.before = torch.nn.Sequential(*(LiteBlock(own, norm_num_groups) for _ in range(blocks)))
        self.deeper = (
            torch.nn.Sequential(
                torch.nn.SiLU(),
                torch.nn.Conv2d(own, deeper[0], 3, padding=1, stride=2),
                _Level(deeper, blocks, norm_num_groups),
                Enlarging(deeper[0], own),
            )
            if deeper
            else None
        )
        self.after = torch.nn.Sequential(*(LiteBlock(own, norm_num_groups) for _ in range(blocks)))

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """(batch, channels, rows, columns), in and out."""
        hidden = self.before(hidden)
        if self.deeper is not None:
            hidden = hidden + self.deeper(hidden)
        return self.after(hidden)
