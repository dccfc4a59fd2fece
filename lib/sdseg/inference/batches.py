"""Running a model over the slices of a volume, a few at a time."""

from __future__ import annotations

from collections.abc import Callable

import torch

from sdseg.inference.region import segment_region
from sdseg.model.region import Region
from sdseg.model.slice_model import SliceModel
from sdseg.volume.slices import to_three_channels


def segment_slices(
    model: SliceModel,
    slices: torch.Tensor,
    seed: int = 0,
    batch_size: int = 8,
    progress: Callable[[int, int], None] | None = None,
    region: Region | None = None,
) -> torch.Tensor:
    """Probability of the foreground, or of each class, for each slice, all with the one noise of the seed.

    Args:
        model: in evaluation mode.
        slices: (slices, 1 or 3, i, j) in [-1, 1].
        seed: of the noise.
        batch_size: slices at a time.
        progress: called with (slices done, slices) after every batch; raise from it to stop.
        region: what of the slices is computed; None: everything.

    Returns:
        (slices, 1, i, j) float32 on the CPU; (slices, classes, i, j) from a model of several classes.
    """
    done: list[torch.Tensor] = []
    for start in range(0, len(slices), batch_size):
        batch = to_three_channels(slices[start : start + batch_size])
        found = model(batch, seed=seed) if region is None else segment_region(model, batch, region, seed)
        done.append(found.cpu())
        if progress:
            progress(min(start + batch_size, len(slices)), len(slices))
    return torch.cat(done)
