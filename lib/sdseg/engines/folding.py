"""Work that is the same for every slice, done once: exact up to rounding."""

from __future__ import annotations

from typing import Any

import torch
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.upsampling import Upsample2D

# Nearest upsampling repeats each row; a 3-tap filter then sees only two different rows, at an even output row those
# before and at it, at an odd one those at it and after. Row a: how the three taps add up to the two.
_TAPS = torch.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]], [[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]])

_WIDE = 128  # channels from which folding pays off with OpenVINO


class FoldedUpsample(torch.nn.Module):
    """Nearest upsampling by two and a 3x3 convolution as one 2x2 convolution: 16 instead of 36 products a pixel.

    The four output pixels that come of an input pixel are its channels, four a channel of the output, row by row.

    Args:
        convolution: the 3x3 convolution behind the upsampling, padding 1.
    """

    def __init__(self, convolution: torch.nn.Conv2d) -> None:
        super().__init__()
        weight, bias = _folded(convolution)
        self.folded = torch.nn.Conv2d(convolution.in_channels, 4 * convolution.out_channels, 2, padding=1)
        self.folded.weight = torch.nn.Parameter(weight.flatten(0, 1), requires_grad=False)
        self.folded.bias = torch.nn.Parameter(bias.repeat_interleave(4), requires_grad=False)

    def forward(self, hidden_states: torch.Tensor, output_size: int | None = None) -> torch.Tensor:
        """(batch, channels, rows, columns) -> (batch, channels, 2 rows, 2 columns)."""
        batch, _, rows, columns = hidden_states.shape
        every = self.folded(hidden_states).unflatten(1, (-1, 2, 2))  # one row and one column too many
        form = torch.channels_last if _is_channels_last(hidden_states) else torch.contiguous_format
        out = torch.empty(
            (batch, every.shape[1], 2 * rows, 2 * columns),
            dtype=every.dtype,
            device=every.device,
            memory_format=form,
        )
        for a in (0, 1):
            for b in (0, 1):
                out[:, :, a::2, b::2] = every[:, :, a, b, a : a + rows, b : b + columns]
        return out


class FoldedInFour(torch.nn.Module):
    """The same as four convolutions, one for each of the four output pixels, woven together: OpenVINO's quickest way.

    Args:
        convolution: as for `FoldedUpsample`.
    """

    def __init__(self, convolution: torch.nn.Conv2d) -> None:
        super().__init__()
        weight, bias = _folded(convolution)
        self.weights = torch.nn.ParameterList(
            torch.nn.Parameter(weight[:, place].contiguous(), requires_grad=False) for place in range(4)
        )
        self.bias = torch.nn.Parameter(bias, requires_grad=False)

    def forward(self, hidden_states: torch.Tensor, output_size: int | None = None) -> torch.Tensor:
        """(batch, channels, rows, columns) -> (batch, channels, 2 rows, 2 columns)."""
        four = []
        for place, weight in enumerate(self.weights):
            below, right = divmod(place, 2)
            padded = torch.nn.functional.pad(hidden_states, (1 - right, right, 1 - below, below))
            four.append(torch.nn.functional.conv2d(padded, weight, self.bias))
        return torch.nn.functional.pixel_shuffle(torch.stack(four, 2).flatten(1, 2), 2)


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


def fold_upsampling(network: torch.nn.Module, backend: str) -> int:
    """Fold every upsampling of the autoencoder's kind in `network`, in place, if the engine's backend gains by it.

    With OpenVINO only wide ones gain: folded, the paper's decoder takes 0.98 instead of 1.19 seconds in int8, that of
    the small preset 0.0093 instead of 0.0085. With ONNX Runtime none does. Returns how many were folded.
    """
    if backend == "onnxruntime":
        return 0
    is_openvino = backend == "openvino"
    found = [
        (parent, name)
        for parent in network.modules()
        for name, child in parent.named_children()
        if isinstance(child, Upsample2D) and _folds(child) and (child.channels >= _WIDE or not is_openvino)
    ]
    for parent, name in found:
        _put(parent, name, (FoldedInFour if is_openvino else FoldedUpsample)(getattr(parent, name).conv))
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


def _folded(convolution: torch.nn.Conv2d) -> tuple[torch.Tensor, torch.Tensor]:
    """Weights (out, 4, in, 2, 2) of the four output pixels, row by row, and the bias, (out,)."""
    if convolution.kernel_size != (3, 3) or convolution.padding != (1, 1) or convolution.stride != (1, 1):
        raise ValueError(f"only a 3x3 convolution with padding 1 folds, not {convolution}")
    weight = convolution.weight.detach()
    taps = _TAPS.double().to(weight.device)
    folded = torch.einsum("ayr,oirc,bxc->oabiyx", taps, weight.double(), taps)  # a, b: row and column within the four
    bias = torch.zeros(convolution.out_channels) if convolution.bias is None else convolution.bias.detach()
    return folded.flatten(1, 2).to(weight.dtype), bias.clone()


def _folds(layer: Upsample2D) -> bool:
    return bool(layer.use_conv and not layer.use_conv_transpose and layer.interpolate and layer.norm is None)


def _put(parent: torch.nn.Module, name: str, layer: torch.nn.Module) -> None:
    if isinstance(parent, torch.nn.ModuleList | torch.nn.Sequential):
        parent[int(name)] = layer
    else:
        setattr(parent, name, layer)


def _is_channels_last(tensor: torch.Tensor) -> bool:
    return tensor.is_contiguous(memory_format=torch.channels_last) and not tensor.is_contiguous()
