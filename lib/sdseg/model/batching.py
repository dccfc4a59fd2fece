"""How many slices a model takes at a time."""

from __future__ import annotations

from typing import Any

from sdseg.model.slice_model import SliceModel

# What the largest activation may take on a CPU, so that the next layer finds it in a cache.
_CACHED_BYTES = 8 * 2**20
_BYTES = 4  # of a float32
_CHANNELS = 32  # of the widest activation of a model that is no SDSeg
_GPU = 8
_ENGINE = 4  # not more: a click can be stopped between two batches only


def slices_at_a_time(model: SliceModel) -> int:
    """A GPU is quicker with several; a CPU with as many as its caches hold: one of the paper's size, several of a small
    model. An engine divides a batch itself where that is better, and its U-Net gains by several. A segmentation can be
    stopped between two batches. The result is the same but for rounding."""
    if model.device.type != "cpu":
        return _GPU
    vae: Any = model.components.get("vae")
    fitting = _fitting(model, vae)
    return max(fitting, _ENGINE) if getattr(vae, "divides_batches", False) else fitting


def _fitting(model: SliceModel, vae: Any) -> int:
    channels = int(vae.config.block_out_channels[0]) if vae is not None else _CHANNELS
    return max(1, min(_GPU, _CACHED_BYTES // (channels * model.image_size**2 * _BYTES)))
