"""Slices that look like medical images, and whether two engines agree on them."""

from __future__ import annotations

import torch
from torch.nn.functional import interpolate

from sdseg.model.pipeline import SDSegPipeline

PROBES = 4
LEAST_DICE = 0.999
_MOST_DIFFERENCE = 0.02  # of the probabilities, mean over a slice: where both masks are empty, Dice says nothing


def probe_slices(size: int) -> torch.Tensor:
    """(4, 3, rows, columns) in [-1, 1], always the same: heads with scalp, skull, textured tissue and ventricles."""
    axis = torch.linspace(-1, 1, size)
    rows, columns = torch.meshgrid(axis, axis, indexing="ij")
    slices = []
    for number in range(PROBES):
        generator = torch.Generator().manual_seed(number)
        radius = ((columns / (0.62 + 0.04 * number)) ** 2 + (rows / (0.8 - 0.03 * number)) ** 2).sqrt()
        ventricles = (((columns.abs() - 0.12) / 0.08) ** 2 + (rows / 0.25) ** 2).sqrt()
        texture = 0.12 * _waves(16, size, generator) + 0.15 * _waves(48, size, generator)
        tissue = 1.1 + texture + 0.25 * _inside(radius, 0.6)
        scalp = 1.6 * (_inside(radius, 1.0) - _inside(radius, 0.93)) + 0.3 * _inside(radius, 0.93)
        image = -1 + scalp + _inside(radius, 0.88) * (tissue - 0.3) - 0.9 * _inside(ventricles, 1.0, 20)
        slices.append(image + 0.03 * torch.randn(size, size, generator=generator))
    return torch.stack(slices).clamp(-1, 1).unsqueeze(1).repeat(1, 3, 1, 1)


def run_probes(pipeline: SDSegPipeline, slices: torch.Tensor) -> torch.Tensor:
    """What the pipeline says of them, (slices, 1 or classes, rows, columns) on the CPU."""
    return pipeline(slices).cpu()


def dice_of(found: torch.Tensor, expected: torch.Tensor) -> float:
    """Of the masks that two answers of `run_probes` cut out; the smallest over the classes.

    0 where an answer is not finite, and where both masks are empty but the probabilities lie apart.
    """
    if found.shape != expected.shape or not bool(found.isfinite().all()):
        return 0.0
    if float((found - expected).abs().mean(dim=(1, 2, 3)).max()) > _MOST_DIFFERENCE:
        return 0.0
    return min(_dice(one, other) for one, other in zip(_masks(found), _masks(expected), strict=True))


def _masks(probability: torch.Tensor) -> list[torch.Tensor]:
    if probability.shape[1] == 1:
        return [probability > 0.5]
    labels = probability.argmax(dim=1)
    return [labels == value for value in range(1, probability.shape[1])]


def _dice(one: torch.Tensor, other: torch.Tensor) -> float:
    both = int(one.sum() + other.sum())
    return 2 * int((one & other).sum()) / both if both else 1.0


def _inside(radius: torch.Tensor, edge: float, sharpness: float = 60) -> torch.Tensor:
    return torch.sigmoid((edge - radius) * sharpness)


def _waves(count: int, size: int, generator: torch.Generator) -> torch.Tensor:
    coarse = torch.randn(1, 1, count, count, generator=generator)
    return interpolate(coarse, (size, size), mode="bicubic")[0, 0]
