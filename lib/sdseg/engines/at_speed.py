"""A pipeline as it was loaded, run as fast as was asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from sdseg.engines.allocator import keep_large_blocks
from sdseg.engines.choice import choose_engine
from sdseg.engines.engine import PLAIN, get_engine
from sdseg.engines.speed import AUTO, PLAIN_SPEED, Speed
from sdseg.engines.speed_up import speed_up
from sdseg.errors import InputError
from sdseg.model.pipeline import SDSegPipeline


def at_speed(load: Callable[[], Any], weights: Path, device: str, speed: Speed) -> tuple[Any, Speed]:
    """The pipeline that `load` gives, and what really runs.

    Args:
        load: loads the weights anew, on `device`.
        weights: their folder, where lite parts may lie.
        device: cpu, cuda, cuda:N or mps.
        speed: what is asked for.

    Raises:
        InputError: the engine is not installed, does not run on the device, or not with such a model.
        WeightsError: the weights have no lite part.
    """
    pipeline = load()
    if speed == PLAIN_SPEED:
        return pipeline, speed
    if not isinstance(pipeline, SDSegPipeline):
        return pipeline, _of_rival(speed)
    if speed.is_lite:
        pipeline = _with_lite(pipeline, weights, speed)
    engine = choose_engine(pipeline, device).engine if speed.engine == AUTO else speed.engine
    if engine != PLAIN:
        keep_large_blocks()
        pipeline = speed_up(pipeline, get_engine(engine, device))
    return pipeline, replace(speed, engine=engine)


def _of_rival(speed: Speed) -> Speed:
    if speed.is_lite or speed.engine not in (AUTO, PLAIN):
        raise InputError("Only SDSeg has engines and lite parts; choose the engine plain (or auto) for this model.")
    return PLAIN_SPEED


def _with_lite(pipeline: SDSegPipeline, weights: Path, speed: Speed) -> SDSegPipeline:
    raise InputError("There are no lite decoders and encoders yet; choose full.")
