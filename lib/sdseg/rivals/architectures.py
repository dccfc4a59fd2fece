"""The rivals' networks, all MONAI's, and their sizes. None has batch statistics, so that a batch can be divided.

Options that are lists travel through JSON; every builder takes what it needs of them by name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from monai.networks.nets import UNETR, BasicUNet, DiffusionModelUNet, SwinUNETR

from sdseg.rivals.dynamic_unet import build_dynamic_unet
from sdseg.rivals.residual_unet import build_residual_unet

Options = dict[str, Any]


@dataclass(frozen=True)
class Architecture:
    """One rival.

    Attributes:
        name: the `kind` of a training's configuration.
        title: of the algorithm, as tables and a DICOM SEG name it.
        method: a few words on it.
        multiple: image sizes must be a multiple of this and at least twice as much.
        presets: name of a size -> the options of that size for images of `image_size` pixels.
        build: (image_size, in_channels, out_channels, options) -> network.
        diffuses: masks are denoised in steps, from random noise.
        any_size: it segments parts of slices too, of any such size; the others are made for one.
    """

    name: str
    title: str
    method: str
    multiple: int
    presets: dict[str, Callable[[int], Options]]
    build: Callable[[int, int, int, Options], torch.nn.Module]
    diffuses: bool = False
    any_size: bool = False


def _basic_unet(image_size: int, in_channels: int, out_channels: int, options: Options) -> torch.nn.Module:
    return BasicUNet(2, in_channels, out_channels, **options)


def _swin_unetr(image_size: int, in_channels: int, out_channels: int, options: Options) -> torch.nn.Module:
    return SwinUNETR(in_channels, out_channels, spatial_dims=2, **options)


def _unetr(image_size: int, in_channels: int, out_channels: int, options: Options) -> torch.nn.Module:
    network = UNETR(in_channels, out_channels, image_size, spatial_dims=2, **options)
    for block in network.vit.blocks:
        block.norm_cross_attn = torch.nn.Identity()  # never used; it would be a parameter without a gradient
    return network


def _diffusion_unet(image_size: int, in_channels: int, out_channels: int, options: Options) -> torch.nn.Module:
    halvings = len(options["channels"]) - 1
    if image_size % 2**halvings:
        raise ValueError(f"{image_size} pixels cannot be halved {halvings} times")
    return DiffusionModelUNet(2, in_channels, out_channels, **options)


def _diffusion_size(image_size: int) -> Options:
    """Self-attention at 32 rows and fewer, down to 16; MedSegDiff's own is the preset `medsegdiff`."""
    widths = (64, 128, 256, 256) if image_size <= 128 else (64, 64, 128, 256, 256)
    attention = [image_size // 2**level <= 32 for level in range(len(widths))]
    return {
        "channels": list(widths),
        "attention_levels": attention,
        "num_res_blocks": 2,
        "num_head_channels": 64,
        "norm_num_groups": 32,
    }


_ARCHITECTURES = (
    Architecture(
        "basic_unet",
        "BasicUNet",
        "U-Net (MONAI BasicUNet)",
        16,
        {
            "standard": lambda _: {"features": [32, 32, 64, 128, 256, 32]},  # MONAI's own
            "tiny": lambda _: {"features": [8, 8, 16, 16, 16, 8]},
        },
        _basic_unet,
        any_size=True,
    ),
    Architecture(
        "flexible_unet",
        "FlexibleUNet",
        "U-Net with a ResNet encoder (MONAI FlexibleUNet)",
        32,
        {
            "standard": lambda _: {"backbone": "resnet50", "decoder_channels": [256, 128, 64, 32, 16]},
            "tiny": lambda _: {"backbone": "resnet10", "decoder_channels": [16, 16, 8, 8, 8]},
        },
        build_residual_unet,
        any_size=True,
    ),
    Architecture(
        "swin_unetr",
        "SwinUNETR",
        "U-Net with a Swin transformer encoder (MONAI SwinUNETR)",
        32,
        {
            "standard": lambda _: {"feature_size": 24, "depths": [2, 2, 2, 2], "num_heads": [3, 6, 12, 24]},
            "tiny": lambda _: {"feature_size": 12, "depths": [1, 1, 1, 1], "num_heads": [1, 2, 2, 2]},
        },
        _swin_unetr,
        any_size=True,
    ),
    Architecture(
        "unetr",
        "UNETR",
        "vision transformer with a convolutional decoder (MONAI UNETR)",
        16,
        {
            "standard": lambda _: {"feature_size": 16, "hidden_size": 768, "mlp_dim": 3072, "num_heads": 12},
            "tiny": lambda _: {"feature_size": 8, "hidden_size": 32, "mlp_dim": 64, "num_heads": 2},
        },
        _unetr,
    ),
    Architecture(
        "dyn_unet",
        "DynUNet",
        "U-Net planned after nnU-Net (MONAI DynUNet)",
        8,
        {
            "standard": lambda _: {"base_filters": 32, "most_filters": 512, "least_rows": 4, "supervised_levels": 3},
            "tiny": lambda _: {"base_filters": 8, "most_filters": 16, "least_rows": 4, "supervised_levels": 2},
        },
        build_dynamic_unet,
    ),
    Architecture(
        "image_diffusion",
        "ImageDiffusion",
        "diffusion in image space (MONAI DiffusionModelUNet)",
        16,
        {
            "standard": _diffusion_size,
            # MedSegDiff's widths at 256 pixels.
            "medsegdiff": lambda _: {
                "channels": [128, 128, 256, 256, 512, 512],
                "attention_levels": [False, False, False, False, True, False],
                "num_res_blocks": 2,
                "num_head_channels": 64,
                "norm_num_groups": 32,
            },
            "tiny": lambda _: {
                "channels": [8, 16, 16],
                "attention_levels": [False, False, True],
                "num_res_blocks": 1,
                "num_head_channels": 8,
                "norm_num_groups": 4,
            },
        },
        _diffusion_unet,
        diffuses=True,
    ),
)
RIVALS: dict[str, Architecture] = {architecture.name: architecture for architecture in _ARCHITECTURES}
