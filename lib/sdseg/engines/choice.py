"""Which exact engine is the cheapest on this machine: measured once, and remembered."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace

from sdseg.engines.allocator import keep_large_blocks
from sdseg.engines.choice_candidates import candidates, cost, reason_against
from sdseg.engines.choice_key import choice_key
from sdseg.engines.choice_memory import MOST_DISTURBED, Remembered, one_at_a_time, recall, remember
from sdseg.engines.choice_probe import LEAST_DICE, probe_slices, run_probes
from sdseg.engines.choice_trial import Trial, seconds_of, try_engine
from sdseg.engines.engine import ENGINES, PLAIN, engines_for
from sdseg.model.pipeline import SDSegPipeline

log = logging.getLogger(__name__)
_SLOW = 1.0  # seconds a slice: the measurement takes long enough to be told, and fewer slices are timed
_PATIENCE, _SLICES = 3.0, 60  # seconds, and slices of the plain pipeline, after which no further engine is begun
_BUSY = "the machine is busy: the measurement took too long already"


@dataclass(frozen=True)
class Choice:
    """An engine and why.

    Attributes:
        engine: its name.
        seconds: that it takes for a slice.
        measured: whether it was measured now, not remembered.
        agreed: whether its masks were compared with the plain ones of these very weights, now or before.
        trials: what came of each engine, where it was measured now; the plain one first.
    """

    engine: str
    seconds: float
    measured: bool
    agreed: bool = True
    trials: tuple[Trial, ...] = ()


def choose_engine(pipeline: SDSegPipeline, device: str, identity: str = "") -> Choice:
    """The exact engine with the least seconds a slice and a share in its start, whose masks are the plain ones'.

    Remembered for networks of the same sizes on this machine (`choice_key`), whatever their values. It is safe to
    call from several threads and processes; one measures, the others wait for what it finds.

    Args:
        pipeline: as it was loaded on `device`; left as it is.
        device: cpu, cuda, cuda:N or mps.
        identity: SHA-256 of the weights; with one, `agreed` is told of them.
    """
    if device.startswith("cpu"):
        keep_large_blocks()
    key = choice_key(pipeline, device)
    known = _known(key, device, identity)
    if known is not None:
        return known
    with one_at_a_time():
        known = _known(key, device, identity)  # somebody else measured meanwhile
        return known or _measure_and_remember(pipeline, device, key, identity)


def choose_for(pipeline: SDSegPipeline, device: str, identity: str) -> Choice:
    """The engine for these weights alone, whose masks that of their sizes does not keep: measured and remembered."""
    with one_at_a_time():
        return _measure_and_remember(pipeline, device, choice_key(pipeline, device) + identity, identity)


def note_agreed(key: str, identity: str) -> None:
    """The engine remembered for `key` gave the plain masks of these weights: they need not be compared again."""
    with one_at_a_time():
        entry = recall(key)
        if entry is not None and identity:
            remember(key, replace(entry, agreed=(*entry.agreed, identity)))


def measure(pipeline: SDSegPipeline, device: str, least_dice: float = LEAST_DICE) -> Choice:
    """Measure whatever is remembered, and remember nothing; `least_dice` 0 for networks that nobody has trained."""
    slices = probe_slices(pipeline.image_size)
    run_probes(pipeline, slices[:1])
    begin, plain = time.monotonic(), min(seconds_of(pipeline, slices[:1]) for _ in range(2))
    if plain > _SLOW:
        log.warning("The engines are measured, once for this machine; it takes about %d seconds.", 20 * plain)
    expected, timed = run_probes(pipeline, slices), len(slices) // 2 if plain > _SLOW else len(slices)
    trials, costs = [Trial(PLAIN, 1.0, 0.0, 1.0)], {PLAIN: plain}
    for engine in candidates(device):
        reason = reason_against(engine, pipeline, costs)
        if not reason and time.monotonic() - begin > _PATIENCE + _SLICES * plain:
            reason = _BUSY
        trial = Trial(engine.name, reason=reason)
        if not reason:
            trial = try_engine(engine, pipeline, slices, expected, timed, least_dice)
        if trial.ratio is not None:
            costs[engine.name] = cost(trial.ratio * plain, trial.start)
        trials.append(trial)
    best = min(costs, key=lambda name: costs[name])
    ratio = next(trial.ratio for trial in trials if trial.engine == best)
    return Choice(best, plain * (ratio or 1.0), True, trials=tuple(trials))


def _measure_and_remember(pipeline: SDSegPipeline, device: str, key: str, identity: str) -> Choice:
    choice = measure(pipeline, device)
    if not any("memory" in trial.reason.lower() for trial in choice.trials):  # there may be more of it another time
        disturbed = any(trial.reason == _BUSY for trial in choice.trials)
        until = time.time() + MOST_DISTURBED if disturbed else None
        remember(key, Remembered(choice.engine, choice.seconds, (identity,) if identity else (), until))
    log.info("The engine %s was chosen: %.4f seconds a slice.", choice.engine, choice.seconds)
    return choice


def _known(key: str, device: str, identity: str) -> Choice | None:
    """What is remembered of these weights, else of these sizes; never an engine that cannot run here."""
    entry = (recall(key + identity) if identity else None) or recall(key)
    allowed = {PLAIN, *(engine.name for engine in engines_for(device) if ENGINES[engine.name].exact)}
    if entry is None or entry.engine not in allowed:
        return None
    agreed = entry.engine == PLAIN or (identity != "" and identity in entry.agreed)
    return Choice(entry.engine, entry.seconds, False, agreed)
