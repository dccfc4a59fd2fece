"""One engine measured against the plain pipeline, turn by turn."""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass
from typing import Any

import torch

from sdseg.engines.choice_probe import dice_of, run_probes
from sdseg.engines.engine import Engine
from sdseg.engines.speed_up import speed_up
from sdseg.model.pipeline import SDSegPipeline

_FEWEST, _MOST, _ENOUGH = 2, 5, 0.15  # rounds, and seconds after which they suffice
_HOPELESS = 2.0  # times the seconds of the plain one
# What libraries of other makes raise when they cannot run a network here.
FAILURES = (RuntimeError, ImportError, OSError, ValueError, TypeError, AttributeError, LookupError, MemoryError)


@dataclass(frozen=True)
class Trial:
    """What came of an engine.

    Attributes:
        engine: its name.
        ratio: seconds a slice over those of the plain pipeline in the same rounds; None where it was not measured.
        start: seconds until it was ready.
        dice: agreement of its masks with the plain ones; None where it did not run.
        reason: why it was left out, "" where it was not.
    """

    engine: str
    ratio: float | None = None
    start: float = 0.0
    dice: float | None = None
    reason: str = ""


def try_engine(
    engine: Engine, pipeline: SDSegPipeline, slices: torch.Tensor, expected: torch.Tensor, timed: int, least_dice: float
) -> Trial:
    """Measure `engine` on a copy of `pipeline`.

    Args:
        engine: installed, and for this device.
        pipeline: as it was loaded; left as it is.
        slices: of `probe_slices`.
        expected: what the pipeline says of them.
        timed: how many of them are timed.
        least_dice: that its masks must agree with.
    """
    try:
        clock, worked = time.perf_counter(), time.process_time()
        fast = speed_up(_copy(pipeline), engine)
        found = run_probes(fast, slices)
        start = min(time.perf_counter() - clock, time.process_time() - worked)
        dice = dice_of(found, expected)
        if dice < least_dice:
            return Trial(engine.name, None, start, dice, f"its masks differ (Dice {dice:.4f})")
        return Trial(engine.name, _ratio(fast, pipeline, slices[:timed]), start, dice)
    except FAILURES as error:
        first = (str(error).splitlines() or [""])[0]
        return Trial(engine.name, reason=f"it failed here ({type(error).__name__}: {first[:120]})")


def seconds_of(pipeline: SDSegPipeline, slices: torch.Tensor) -> float:
    """Of one pass, a slice: by the clock, or on a CPU what the process worked, where others disturbed it."""
    clock, worked = time.perf_counter(), time.process_time()
    run_probes(pipeline, slices)  # on the CPU in the end: a GPU has then done its work
    clock, worked = time.perf_counter() - clock, time.process_time() - worked
    least = min(clock, worked / torch.get_num_threads()) if pipeline.device.type == "cpu" else clock
    return least / len(slices)


def _ratio(fast: SDSegPipeline, plain: SDSegPipeline, slices: torch.Tensor) -> float:
    """Of the least seconds of several rounds, in which both took turns: what disturbs one disturbs the other."""
    ours, theirs, begin = [], [], time.perf_counter()
    for number in range(_MOST):
        ours.append(seconds_of(fast, slices))
        theirs.append(seconds_of(plain, slices))
        hopeless = min(ours) > _HOPELESS * min(theirs)
        if number + 1 >= _FEWEST and (hopeless or time.perf_counter() - begin > _ENOUGH):
            break
    return min(ours) / min(theirs)


def _copy(pipeline: SDSegPipeline) -> SDSegPipeline:
    """An engine takes over what it is given."""
    make: Any = type(pipeline)
    parts = (copy.deepcopy(part) for part in (pipeline.vae, pipeline.vision_encoder, pipeline.unet))
    twin: SDSegPipeline = make(*parts, pipeline.scheduler)
    twin.set_progress_bar_config(disable=True)
    return twin
