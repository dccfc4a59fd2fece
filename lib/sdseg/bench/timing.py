"""Seconds of the parts of one pass over some slices."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch

from sdseg.bench.paper_loop import PaperLoop
from sdseg.evaluation.probe import synchronise
from sdseg.model.pipeline import SDSegPipeline

STAGES = ("encoder", "U-Net", "decoder")
Seconds = dict[str, float]
"""Stage -> seconds; "all" is the whole."""
Steps = tuple[Callable[[torch.Tensor], torch.Tensor], ...]


@torch.inference_mode()
def time_pass(model: Any, slices: torch.Tensor, batch_size: int, device: torch.device) -> Seconds:
    """One pass of `model` over (slices, 3, rows, columns), by stages where it is a binary SDSeg or the paper's loop."""
    total: Seconds = {}
    steps = _steps(model)
    synchronise(device)
    start = time.perf_counter()
    for batch in slices.split(batch_size):
        if steps is None:
            model(batch)
            continue
        for stage, step in zip(STAGES, steps, strict=True):
            begun = time.perf_counter()
            batch = step(batch)
            synchronise(device)
            total[stage] = total.get(stage, 0.0) + time.perf_counter() - begun
    synchronise(device)
    return {**total, "all": time.perf_counter() - start}


def _steps(model: Any) -> Steps | None:
    """The steps of a pass, one after the other."""
    if isinstance(model, PaperLoop):
        return model.encode, model.estimate, model.decode
    if isinstance(model, SDSegPipeline) and model.classes is None:
        noise = model.draw_noise(0)
        return model.encode, lambda latent: model.estimate_mask_latent(latent, noise), model.decode_mask_latent
    return None
