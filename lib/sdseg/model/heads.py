"""The number of attention heads, which diffusers' U-Nets do not take as such."""

from __future__ import annotations

import torch
from diffusers.models.attention_processor import Attention


def set_heads(unet: torch.nn.Module, heads: int) -> None:
    """Split every attention of the network into `heads` heads, whatever its width.

    Raises:
        ValueError: a width cannot be split.
    """
    for module in unet.modules():
        if isinstance(module, Attention):
            if module.inner_dim % heads:
                raise ValueError(f"{module.inner_dim} channels cannot be split into {heads} attention heads")
            module.heads = heads
            module.sliceable_head_dim = heads
            module.scale = (module.inner_dim // heads) ** -0.5
