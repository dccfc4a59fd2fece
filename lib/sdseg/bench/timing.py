"""Seconds of the parts of one pass over some slices."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch

from sdseg.evaluation.probe import synchronise
from sdseg.model.pipeline import SDSegPipeline

STAGES = ("encoder", "U-Net", "decoder")
Seconds = dict[str, float]
"""Stage -> seconds; "all" is the whole."""


@torch.inference_mode()
def time_pass(model: Any, slices: torch.Tensor, batch_size: int) -> Seconds:
    """One pass of `model` over (slices, 3, rows, columns), by stages where it is a binary SDSeg."""
    total = dict.fromkeys(STAGES, 0.0)
    start = time.perf_counter()
    for batch in slices.split(batch_size):
        if isinstance(model, SDSegPipeline) and model.classes is None:
            _add(total, _stages(model, batch))
        else:
            model(batch)
    synchronise(model.device)
    spent = {stage: seconds for stage, seconds in total.items() if seconds}
    return {**spent, "all": time.perf_counter() - start}


def _stages(model: SDSegPipeline, batch: torch.Tensor) -> Seconds:
    """The steps of `SDSegPipeline.__call__`, each on the clock."""
    seconds: Seconds = {}

    def clocked(stage: str, step: Callable[[], torch.Tensor]) -> torch.Tensor:
        start = time.perf_counter()
        result = step()
        synchronise(model.device)
        seconds[stage] = time.perf_counter() - start
        return result

    image = batch.to(model.device, model.dtype)
    latent = clocked("encoder", lambda: model.vision_encoder(image))
    noise = model.draw_noise(0)
    mask_latent = clocked("U-Net", lambda: model.estimate_mask_latent(latent, noise))
    clocked("decoder", lambda: model.decode_mask_latent(mask_latent))
    return seconds


def _add(total: Seconds, more: Seconds) -> None:
    for stage, seconds in more.items():
        total[stage] += seconds
