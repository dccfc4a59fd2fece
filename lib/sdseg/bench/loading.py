"""From a contestant to a model that is ready to run."""

from __future__ import annotations

import time
from typing import Any

import torch

from sdseg.bench.contestant import Contestant, Facts
from sdseg.engines.allocator import keep_large_blocks
from sdseg.engines.engine import PLAIN, get_engine
from sdseg.engines.speed_up import speed_up
from sdseg.errors import InputError
from sdseg.evaluation.efficiency import count_flops, count_parameters
from sdseg.evaluation.memory import resident_peak
from sdseg.model.pipeline import SDSegPipeline, build_pipeline
from sdseg.model.presets import get_preset
from sdseg.model.weights import load_weights
from sdseg.rivals import build_rival


def load(contestant: Contestant, device: str, threads: int) -> tuple[Any, Facts]:
    """The model of a contestant in evaluation mode, and what is known of it. Raises SdsegError."""
    start = time.perf_counter()
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    if contestant.keeps_blocks:
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
        model = speed_up(model, get_engine(contestant.engine, device))
    return model, Facts(model.image_size, gflop, parameters, time.perf_counter() - start)


def count(model: Any) -> int:
    """Bytes held at most: on a GPU what torch had allocated, else the resident memory of the process."""
    if model.device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(model.device))
    return resident_peak()


def _model(contestant: Contestant) -> Any:
    if contestant.weights is not None:
        return load_weights(contestant.weights)
    preset = get_preset(contestant.preset)
    return build_rival(contestant.rival, preset.image_size) if contestant.rival else build_pipeline(preset)


@torch.inference_mode()
def _gflop(model: Any) -> float:
    """Of the work itself, whoever does it, counted without computing where the networks allow it."""
    return count_flops(model) / 1e9
