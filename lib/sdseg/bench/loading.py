"""From a contestant to a model that is ready to run."""

from __future__ import annotations

import time
from typing import Any

import torch

from sdseg.bench.contestant import Contestant, Facts
from sdseg.engines.allocator import keep_large_blocks
from sdseg.engines.engine import PLAIN, get_engine
from sdseg.engines.speed_up import LEAST_DICE, speed_up
from sdseg.errors import InputError
from sdseg.evaluation.efficiency import count_flops, count_parameters
from sdseg.evaluation.memory import resident_peak
from sdseg.model.lite import LITE, new_lite, with_lite, with_parts
from sdseg.model.pipeline import SDSegPipeline, build_pipeline
from sdseg.model.presets import get_preset
from sdseg.model.weights import load_weights
from sdseg.rivals import build_rival


def load(contestant: Contestant, device: str, calibration: torch.Tensor | None = None) -> tuple[Any, Facts]:
    """The model of a contestant in evaluation mode, and what is known of it.

    Args:
        contestant: who.
        device: torch device.
        calibration: (slices, 3, rows, columns) in [-1, 1], for an engine that wants some.

    Raises:
        SdsegError: it cannot be loaded, or does not run here.
    """
    start = time.perf_counter()
    torch.manual_seed(0)
    if not contestant.is_paper:
        keep_large_blocks()
    model = _model(contestant).to(device)
    for part in model.components.values():
        if isinstance(part, torch.nn.Module):
            part.eval().requires_grad_(False)
    parameters = count_parameters(model) / 1e6
    gflop = _gflop(model)
    if contestant.engine != PLAIN:
        if not isinstance(model, SDSegPipeline):
            raise InputError(f"The engine {contestant.engine} runs SDSeg's networks only.")
        least = LEAST_DICE if contestant.weights is not None else 0.0  # the masks of random weights are noise
        model = speed_up(model, get_engine(contestant.engine, device), calibration, least)
    return model, Facts(model.image_size, gflop, parameters, time.perf_counter() - start)


def count(model: Any) -> int:
    """Bytes held at most: on a GPU what torch had allocated, else the resident memory of the process."""
    if model.device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(model.device))
    return resident_peak()


def _model(contestant: Contestant) -> Any:
    if contestant.weights is not None:
        loaded: SDSegPipeline = load_weights(contestant.weights)
        return with_lite(loaded, contestant.weights, **dict.fromkeys(contestant.lite, LITE))
    preset = get_preset(contestant.preset)
    if contestant.rival:
        return build_rival(contestant.rival, preset.image_size)
    pipeline: SDSegPipeline = build_pipeline(preset)
    return _with_random_lite(pipeline, contestant.lite)


def _with_random_lite(pipeline: SDSegPipeline, parts: tuple[str, ...]) -> SDSegPipeline:
    """Parts of the size that `sdseg distill` would make: they cost what trained ones do."""
    return with_parts(pipeline, {part: new_lite(part, pipeline) for part in parts})


@torch.inference_mode()
def _gflop(model: Any) -> float:
    """Of the work itself, whoever does it, counted without computing where the networks allow it."""
    return count_flops(model) / 1e9
