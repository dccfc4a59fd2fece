"""What `sdseg bench` can measure: each gives a report and what is aimed at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from sdseg.bench.bars import FULL_SIZE, Bar, speed_bars
from sdseg.bench.images import image_slices
from sdseg.bench.machine import Machine, matmul_peak, this_machine
from sdseg.bench.plan import Plan
from sdseg.bench.report import build_report, report_of, stage_bars
from sdseg.bench.rounds import Update, run_rounds
from sdseg.bench.sweep import run_sweep, sweep_table
from sdseg.bench.training_rounds import run_training, training_table
from sdseg.bench.training_stand import OURS, PLAIN_LOOP, TrainingContestant
from sdseg.bench.whole_rounds import run_whole, whole_bars, whole_table
from sdseg.bench.whole_stand import WHOLE_STAGES
from sdseg.errors import InputError
from sdseg.evaluation.report import Picture, Report

Measured = tuple[Report, list[Bar]]
TRAINING = 1.5
"""Times the steps a second of the plain loop, on a GPU."""
_TRAINING_GIB = 16


def slices(plan: Plan, update: Update) -> Measured:
    """Engines, lite parts and rivals over slices."""
    given: Any = plan.slices
    if plan.images is not None and plan.weights is not None:
        given = image_slices(plan.weights, plan.images, 2 * plan.slices)
    machine, peaks = _machine(plan), _peaks(plan)
    outcomes = run_rounds(plan.contestants(), plan.rounds, given, plan.device, plan.threads, update)
    bars = speed_bars(outcomes, plan.size == FULL_SIZE and plan.device == "cpu", plan.images is not None)
    return build_report(outcomes, machine, peaks, _facts(plan, {"slices a round": plan.slices}), bars), bars


def whole(plan: Plan, update: Update) -> Measured:
    """From the series on the disk to the SEG on the disk."""
    if plan.images is None:
        raise InputError("From series to SEG takes a series; give --images FOLDER.")
    machine = _machine(plan)
    outcomes = run_whole(plan.whole_contestants(), plan.rounds, plan.images, plan.device, plan.threads, update)
    names, first = [one.contestant.name for one in outcomes], outcomes[0].seconds["all"]
    ratios = [first / one.seconds["all"] for one in outcomes]
    png = stage_bars(names, [one.seconds for one in outcomes], ratios, WHOLE_STAGES, "s a series")
    picture = Picture("whole", "Seconds a series", "By stage, and times as fast as the baseline.", png)
    bars = whole_bars(outcomes)
    table = whole_table(outcomes)
    return report_of("What a series costs", [table], machine, _facts(plan), bars, [picture]), bars


def training(plan: Plan, update: Update) -> Measured:
    """Training steps; on a GPU in mixed precision too."""
    on_gpu = plan.device != "cpu"
    contestants = [
        TrainingContestant(PLAIN_LOOP, plan.size, plan.batch_size),
        *(
            TrainingContestant(f"{OURS}, {precision}", plan.size, plan.batch_size, precision)
            for precision in (("fp32", "tf32", "bf16") if on_gpu else ("fp32", "bf16"))
        ),
    ]
    machine = _machine(plan)
    outcomes = run_training(contestants, plan.rounds, plan.slices, plan.device, plan.threads, update)
    bars = []
    if on_gpu:
        best = min(outcomes[1:], key=lambda one: one.seconds)
        bars = [
            Bar("training: times the plain loop", outcomes[0].seconds / best.seconds, at_least=TRAINING),
            Bar("training: peak memory, GiB", best.peak_bytes / 2**30, at_most=_TRAINING_GIB),
        ]
    facts = _facts(plan, {"steps a round": plan.slices})
    return report_of("What a training step costs", [training_table(outcomes)], machine, facts, bars), bars


def sweep(plan: Plan, sizes: Sequence[int], update: Update) -> Measured:
    """Batch sizes."""
    machine = _machine(plan)
    outcomes = run_sweep(plan.contestants(rivals=False), sizes, plan.rounds, plan.device, plan.threads, update)
    return report_of("What a batch costs", [sweep_table(outcomes)], machine, _facts(plan)), []


def starts(plan: Plan, update: Callable[[int, int, str], None]) -> Measured:
    """The import, the server and its first inference."""
    from sdseg.bench.starting import measure_starts

    if plan.images is None or plan.weights is None:
        raise InputError("The start of a server takes --weights and --images.")
    table, bars = measure_starts(plan.images, [f"weights={plan.weights.resolve()}"], plan.rounds, update)
    return report_of("What a start costs", [table], _machine(plan), _facts(plan), bars), bars


def _machine(plan: Plan) -> Machine:
    torch.set_num_threads(plan.threads)
    return this_machine(plan.device, plan.threads)


def _peaks(plan: Plan) -> dict[str, float]:
    kinds = (("fp32", torch.float32), ("bf16", torch.bfloat16))
    return {name: matmul_peak(dtype, plan.device) for name, dtype in kinds}


def _facts(plan: Plan, more: dict[str, Any] | None = None) -> dict[str, Any]:
    images = "random" if plan.images is None else plan.images.name
    return {"model": plan.model, "images": images, "device": plan.device, "rounds": plan.rounds, **(more or {})}
