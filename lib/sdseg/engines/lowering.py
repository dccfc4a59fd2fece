"""Some layers of a network in a lower precision, between tensors that stay float32."""

from __future__ import annotations

from typing import Any

import torch

# What reads, makes or adds to the stream of the residual blocks, by a part of its name. Rounding the stream, and the
# image before it, costs more accuracy than everything between two normalisations together.
STREAM = ("conv_in", "conv_out", "conv_shortcut", "downsamplers", "upsamplers", "attentions", "projection")

ENDS = ("conv_in", "conv_out", "attentions")
"""What a U-Net keeps where its masks may differ a little: the first layer, the last, and the attention."""


class Lowered(torch.nn.Module):
    """A layer in `dtype` that takes and gives float32."""

    def __init__(self, layer: torch.nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        self.layer, self.dtype = layer.to(dtype), dtype

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        output: torch.Tensor = self.layer(batch.to(self.dtype))
        return output.float()


def lower_convolutions(network: torch.nn.Module, dtype: torch.dtype, keep: tuple[str, ...] = STREAM) -> int:
    """Every convolution of `network` but those with a part of their name in `keep`, in place. Returns how many."""
    convolutions = [name for name, layer in network.named_modules() if isinstance(layer, torch.nn.Conv2d)]
    found = [name for name in convolutions if not set(name.split(".")) & set(keep)]
    for name in found:
        parent, _, own = name.rpartition(".")
        holder: Any = network.get_submodule(parent)
        if isinstance(holder, torch.nn.ModuleList | torch.nn.Sequential):
            holder[int(own)] = Lowered(holder[int(own)], dtype)
        else:
            setattr(holder, own, Lowered(getattr(holder, own), dtype))
    return len(found)
