"""The model's input as slices: (channel, i, j, k) volumes to (k, channel, i, j) batches and back."""

from __future__ import annotations

import torch


def to_slices(volume: torch.Tensor) -> torch.Tensor:
    """(channel, i, j, k) -> (k, channel, i, j), a plain tensor."""
    plain = volume.as_tensor() if hasattr(volume, "as_tensor") else volume
    return plain.permute(3, 0, 1, 2).contiguous()


def to_volume(slices: torch.Tensor) -> torch.Tensor:
    """(k, channel, i, j) -> (channel, i, j, k)."""
    return slices.permute(1, 2, 3, 0)


def to_three_channels(slices: torch.Tensor) -> torch.Tensor:
    """(batch, 1 or 3, i, j) -> (batch, 3, i, j): grey is repeated, colour stays."""
    return slices.expand(-1, 3, -1, -1) if slices.shape[1] == 1 else slices
