"""Something to run a model on, where only its cost is asked for."""

from __future__ import annotations

import torch

from sdseg.model.slice_model import SliceModel


def random_slices(model: SliceModel, size: int) -> torch.Tensor:
    """(size, 3, rows, columns) in [-1, 1] on the model's device."""
    generator = torch.Generator().manual_seed(0)
    shape = (size, 3, model.image_size, model.image_size)
    return (torch.rand(shape, generator=generator) * 2 - 1).to(model.device)


def synchronise(device: torch.device) -> None:
    """Wait for the GPU; the CPU has no queue."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
