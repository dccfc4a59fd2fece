"""How many slices a model takes at a time."""

from __future__ import annotations

from typing import Any

from sdseg.model.slice_model import SliceModel

# What the largest activation may take on a CPU, so that the next layer finds it in a cache.
_CACHED_BYTES = 8 * 2**20
_BYTES = 4  # of a float32
_CHANNELS = 32  # of the widest activation of a model that is no SDSeg
_GPU = 8


def slices_at_a_time(model: SliceModel) -> int:
    """A GPU is quicker with several; a CPU with as many as its caches hold: one of the paper's size, several of a small
    model. A segmentation can be stopped between two batches. The result is the same but for rounding."""
    if model.device.type != "cpu":
        return _GPU
    vae: Any = model.components.get("vae")
    channels = int(vae.config.block_out_channels[0]) if vae is not None else _CHANNELS
    return max(1, min(_GPU, _CACHED_BYTES // (channels * model.image_size**2 * _BYTES)))
