"""The first pass of a model costs more than the others: libraries choose their kernels and fetch their memory."""

from __future__ import annotations

import torch

from sdseg.model.batching import slices_at_a_time
from sdseg.model.slice_model import SliceModel


def warm_up(model: SliceModel) -> None:
    """One pass over as many empty slices as a segmentation takes at a time; what comes out is thrown away."""
    size = model.image_size
    model(torch.zeros(slices_at_a_time(model), 3, size, size))
