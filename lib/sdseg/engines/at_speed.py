"""A pipeline as it was loaded, run as fast as was asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from sdseg.engines.allocator import give_back_free_blocks, keep_large_blocks
from sdseg.engines.calibration import fits_the_sample
from sdseg.engines.choice import choose_engine, choose_for, note_agreed
from sdseg.engines.choice_key import choice_key
from sdseg.engines.choice_probe import LEAST_DICE, dice_of, probe_slices, run_probes
from sdseg.engines.engine import PLAIN, get_engine
from sdseg.engines.speed import AUTO, PLAIN_SPEED, Speed
from sdseg.engines.speed_up import LEAST_DICE as LEAST_AGREEMENT
from sdseg.engines.speed_up import speed_up
from sdseg.errors import InputError, NotCalibratedError
from sdseg.model.card import ModelCard
from sdseg.model.lite import with_lite
from sdseg.model.pipeline import SDSegPipeline

_COMPARED = 2  # slices that a remembered engine and the plain one are compared on, once for each weights


def at_speed(
    load: Callable[[], Any], weights: Path, device: str, speed: Speed, identity: str = ""
) -> tuple[Any, Speed]:
    """The pipeline that `load` gives, and what really runs.

    Args:
        load: loads the weights anew, on `device`.
        weights: their folder, where lite parts may lie.
        device: cpu, cuda, cuda:N or mps.
        speed: what is asked for.
        identity: SHA-256 of the weights, under which it is remembered that an engine keeps their masks.

    Raises:
        InputError: the engine is not installed, does not run on the device, or not with such a model.
        NotCalibratedError: it was not calibrated for these weights.
        WeightsError: the weights have no lite part.
    """
    if speed == PLAIN_SPEED:
        return load(), speed
    pipeline = load()
    if not isinstance(pipeline, SDSegPipeline):
        return pipeline, _of_rival(speed)
    pipeline = with_lite(pipeline, weights, **speed.parts)
    if speed.engine == AUTO:
        fast, engine = _by_measurement(pipeline, device, identity)
        if fast is None:  # what was remembered for these sizes is not right for these weights
            pipeline = with_lite(load(), weights, **speed.parts)
            engine = choose_for(pipeline, device, identity).engine
            fast = _run_by(pipeline, engine, device)
    else:
        _check_calibration(pipeline, speed, device, weights)
        fast, engine = _run_by(pipeline, speed.engine, device), speed.engine
    del pipeline
    give_back_free_blocks()
    return fast, replace(speed, engine=engine)


def _by_measurement(pipeline: SDSegPipeline, device: str, identity: str) -> tuple[SDSegPipeline | None, str]:
    """None where the remembered engine does not keep the masks of these weights; `pipeline` is then used up too."""
    choice = choose_engine(pipeline, device, identity)
    if choice.agreed:
        return _run_by(pipeline, choice.engine, device), choice.engine
    slices, key = probe_slices(pipeline.image_size)[:_COMPARED], choice_key(pipeline, device)
    expected = run_probes(pipeline, slices)
    fast = _run_by(pipeline, choice.engine, device)
    if dice_of(run_probes(fast, slices), expected) < LEAST_DICE:
        return None, PLAIN
    note_agreed(key, identity)
    return fast, choice.engine


def _run_by(pipeline: SDSegPipeline, engine: str, device: str) -> SDSegPipeline:
    if engine == PLAIN:
        return pipeline
    if device.startswith("cpu"):
        keep_large_blocks()
    return speed_up(pipeline, get_engine(engine, device))


def _check_calibration(pipeline: SDSegPipeline, speed: Speed, device: str, weights: Path) -> None:
    """Raises NotCalibratedError: nobody calibrated the engine for these weights, and the sample's slices are of another
    kind than those that they segment: on them even a bad calibration would agree."""
    if (
        speed.engine == PLAIN
        or not get_engine(speed.engine, device).calibrated
        or fits_the_sample(ModelCard.load(weights))
    ):
        return
    from sdseg.engines.int8 import is_calibrated

    if not is_calibrated(pipeline, LEAST_AGREEMENT):
        raise NotCalibratedError(
            f"The engine {speed.engine} is not calibrated for these weights: it has to see images of the kind that "
            f"they segment. Run `sdseg engines --calibrate IMAGES --weights {weights}{speed.lite_options}`, or choose "
            "another engine."
        )


def _of_rival(speed: Speed) -> Speed:
    if speed.is_lite or speed.engine not in (AUTO, PLAIN):
        raise InputError("Only SDSeg has engines and lite parts; choose the engine plain (or auto) for this model.")
    return PLAIN_SPEED
