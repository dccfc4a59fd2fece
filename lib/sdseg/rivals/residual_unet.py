"""MONAI's FlexibleUNet with a ResNet encoder, its batch norms replaced by group norms."""

from __future__ import annotations

from typing import Any

import torch
from monai.networks.nets import FlexibleUNet

_GROUPS = 8


def build_residual_unet(image_size: int, in_channels: int, out_channels: int, options: dict[str, Any]) -> FlexibleUNet:
    """A FlexibleUNet without batch statistics, not pretrained: MONAI has no two-dimensional ResNet weights."""
    network = FlexibleUNet(
        in_channels,
        out_channels,
        backbone=options["backbone"],
        decoder_channels=tuple(options["decoder_channels"]),
        spatial_dims=2,
        norm=("group", {"num_groups": _GROUPS}),
    )
    replace_batch_norm(network, _GROUPS)  # of the encoder, where MONAI lets nobody choose
    return network


def replace_batch_norm(module: torch.nn.Module, groups: int) -> None:
    """Put a group norm in the place of every two-dimensional batch norm.

    With four slices a batch, statistics of the batch are noise; and they would differ between one process and many.
    """
    for name, child in module.named_children():
        if isinstance(child, torch.nn.BatchNorm2d):
            setattr(module, name, torch.nn.GroupNorm(groups, child.num_features))
        else:
            replace_batch_norm(child, groups)
