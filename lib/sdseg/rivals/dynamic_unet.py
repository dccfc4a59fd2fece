"""A U-Net planned from the image size as nnU-Net plans one (Isensee et al. 2021), built from MONAI's DynUNet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from monai.networks.nets import DynUNet

# MONAI keeps the blocks twice, here and inside `skip_layers`; safetensors refuses to write a tensor twice.
_ALIASES = ("input_block", "downsamples", "bottleneck", "upsamples", "deep_supervision_heads")


@dataclass(frozen=True)
class Plan:
    """One entry a level, from fine to coarse: convolution kernels, strides into the level, and widths."""

    kernels: tuple[int, ...]
    strides: tuple[int, ...]
    filters: tuple[int, ...]


def plan_levels(image_size: int, base_filters: int, most_filters: int, least_rows: int) -> Plan:
    """Halve the image while it is even and no smaller than `least_rows` results; double the width meanwhile."""
    strides, rows = [1], image_size
    while rows % 2 == 0 and rows // 2 >= least_rows:
        strides.append(2)
        rows //= 2
    filters = tuple(min(base_filters * 2**level, most_filters) for level in range(len(strides)))
    return Plan((3,) * len(strides), tuple(strides), filters)


class DynamicUNet(DynUNet):
    """MONAI's, in a form that diffusers can save and load."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for alias in _ALIASES:
            if hasattr(self, alias):
                delattr(self, alias)

    @staticmethod
    def initialize_weights(module: torch.nn.Module) -> None:
        """In place: MONAI's own assigns what the initialiser returns, which is None while diffusers loads."""
        if isinstance(module, torch.nn.Conv2d | torch.nn.ConvTranspose2d):
            torch.nn.init.kaiming_normal_(module.weight, a=0.01)
            if module.bias is not None:
                torch.nn.init.zeros_(module.bias)


def build_dynamic_unet(image_size: int, in_channels: int, out_channels: int, options: dict[str, Any]) -> DynamicUNet:
    """A DynUNet after the plan: instance norm, leaky ReLU, and in training a loss at several levels.

    `supervised_levels`, an option, are the levels below the finest with an output of their own; 0 for none.
    """
    sizes = dict(options)
    supervised = sizes.pop("supervised_levels")
    plan = plan_levels(image_size, **sizes)
    supervised = min(supervised, len(plan.strides) - 2)
    return DynamicUNet(
        2,
        in_channels,
        out_channels,
        kernel_size=plan.kernels,
        strides=plan.strides,
        upsample_kernel_size=plan.strides[1:],
        filters=plan.filters,
        deep_supervision=supervised > 0,
        deep_supr_num=max(1, supervised),
    )


def level_weights(levels: int, device: torch.device) -> torch.Tensor:
    """nnU-Net's weights of the levels' losses, from fine to coarse: each half of the one before, sum 1."""
    weights = 0.5 ** torch.arange(levels, device=device, dtype=torch.float32)
    return weights / weights.sum()
