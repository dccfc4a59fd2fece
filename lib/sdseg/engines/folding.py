"""Work that is the same for every slice, done once: exact up to rounding."""

from __future__ import annotations

from typing import Any

import torch
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.upsampling import Upsample2D

# Nearest upsampling repeats each row. Row p of the input then reaches the four output rows from 2p - 1 on, each through
# these of the filter's three taps, as in a transposed convolution of four taps.
_TAPS = torch.tensor([[0.0, 0.0, 1.0], [0.0, 1.0, 1.0], [1.0, 1.0, 0.0], [1.0, 0.0, 0.0]])


class FoldedUpsample(torch.nn.Module):
    """Nearest upsampling by two and a 3x3 convolution as one transposed 4x4 convolution of stride 2: 16 instead of 36
    products for an input pixel.

    Args:
        convolution: the 3x3 convolution behind the upsampling, padding 1.

    Raises:
        ValueError: another convolution.
    """

    def __init__(self, convolution: torch.nn.Conv2d) -> None:
        super().__init__()
        if convolution.kernel_size != (3, 3) or convolution.padding != (1, 1) or convolution.stride != (1, 1):
            raise ValueError(f"only a 3x3 convolution with padding 1 folds, not {convolution}")
        weight = convolution.weight.detach()
        taps = _TAPS.double().to(weight.device)
        folded = torch.einsum("yr,oirc,xc->ioyx", taps, weight.double(), taps).to(weight.dtype)
        self.weight = torch.nn.Parameter(folded, requires_grad=False)
        self.bias = None if convolution.bias is None else torch.nn.Parameter(convolution.bias.detach(), False)

    def forward(self, hidden_states: torch.Tensor, output_size: int | None = None) -> torch.Tensor:
        """(batch, channels, rows, columns) -> (batch, channels, 2 rows, 2 columns)."""
        return torch.nn.functional.conv_transpose2d(hidden_states, self.weight, self.bias, stride=2, padding=1)


class ConstantProjection(torch.nn.Module):
    """What a residual block makes of the time embedding, which never changes: (1, channels)."""

    def __init__(self, value: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("value", value)

    def forward(self, embedding: torch.Tensor) -> torch.Tensor:
        return self.get_buffer("value")


class ClassProjection(ConstantProjection):
    """What a residual block makes of the time and each class: (classes, channels), a row of it an example."""

    def forward(self, class_ids: torch.Tensor) -> torch.Tensor:
        """(batch, 1), of `ClassId`, -> (batch, channels)."""
        return self.get_buffer("value")[class_ids[:, 0].long()]


class NoTime(torch.nn.Module):
    """In the place of a time embedding that was folded: (batch, features) -> zeros, (batch, 1)."""

    def forward(self, features: torch.Tensor, condition: None = None) -> torch.Tensor:
        return torch.zeros_like(features[:, :1])


class ClassId(torch.nn.Module):
    """In the place of a class embedding that was folded: (batch,) -> the ids themselves, (batch, 1)."""

    def forward(self, class_labels: torch.Tensor) -> torch.Tensor:
        return class_labels[:, None].float()


def fold_upsampling(network: torch.nn.Module) -> int:
    """Fold every upsampling of the autoencoder's kind in `network`, in place. Returns how many."""
    found = [
        (parent, name)
        for parent in network.modules()
        for name, child in parent.named_children()
        if isinstance(child, Upsample2D) and _folds(child)
    ]
    for parent, name in found:
        _put(parent, name, FoldedUpsample(getattr(parent, name).conv))
    return len(found)


@torch.inference_mode()
def fold_time(unet: Any, timestep: int) -> int:
    """Fold the embedding of `timestep` into the residual blocks of one of diffusers' U-Nets, in place.

    The U-Net is then right at this timestep only. A class-conditional one keeps what each block makes of each class.
    Returns the number of blocks.
    """
    first = next(unet.parameters())
    features = unet.time_proj(torch.tensor([timestep], device=first.device)).to(first.dtype)
    embedding, classes = unet.time_embedding(features), unet.config.num_class_embeds
    if classes is not None:
        embedding = embedding + unet.class_embedding(torch.arange(classes, device=first.device))
        unet.class_embedding = ClassId()
    unet.time_embedding = NoTime()
    blocks = [block for block in unet.modules() if isinstance(block, ResnetBlock2D) and block.time_emb_proj is not None]
    for block in blocks:
        value = block.time_emb_proj(block.nonlinearity(embedding))
        # A copy: what is made in inference mode could not be converted later.
        value = torch.tensor(value.tolist(), dtype=value.dtype, device=value.device)
        block.time_emb_proj = ConstantProjection(value) if classes is None else ClassProjection(value)
        block.skip_time_act = True  # the class id goes through unchanged
    return len(blocks)


def _folds(layer: Upsample2D) -> bool:
    return bool(layer.use_conv and not layer.use_conv_transpose and layer.interpolate and layer.norm is None)


def _put(parent: torch.nn.Module, name: str, layer: torch.nn.Module) -> None:
    if isinstance(parent, torch.nn.ModuleList | torch.nn.Sequential):
        parent[int(name)] = layer
    else:
        setattr(parent, name, layer)
