"""How fast and how large models are: slices a second, peak memory, parameters, FLOPs, training time."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence

import torch
from torch.utils.flop_counter import FlopCounterMode

from sdseg.evaluation.contestants import Contestant
from sdseg.evaluation.memory import measure_peak_memory
from sdseg.evaluation.plan import Plan, Update
from sdseg.evaluation.probe import random_slices, synchronise
from sdseg.evaluation.report import Cell, Table
from sdseg.model.slice_model import SliceModel


def efficiency_table(contestants: Sequence[Contestant], plan: Plan, progress: Update) -> Table:
    """One row a model and number of reverse steps; models with a reverse process get a row for several steps too."""
    rows = [variant for contestant in contestants for variant in step_variants(contestant, plan.compared_steps)]
    sizes = tuple(dict.fromkeys((1, plan.batch_size)))
    speeds = measure_speeds(rows, sizes, plan.rounds, progress)
    cells: list[tuple[Cell, ...]] = []
    for number, row in enumerate(rows):
        progress(number, len(rows), f"memory of {row.name}")
        memory = measure_peak_memory(row.folder, str(row.model.device), row.steps, plan.batch_size)
        seconds = row.segmenter.card.training.get("seconds")
        cells.append(
            (
                *(row.name, row.steps if row.takes_steps else None, row.traits.samples),
                *(speeds[number][size] for size in sizes),
                *(memory / 2**20, count_parameters(row.model) / 1e6, count_flops(row.model) / 1e9),
                float(seconds) / 3600 if isinstance(seconds, int | float) else None,
            )
        )
    progress(len(rows), len(rows), "")
    columns = (
        *("model", "steps", "samples", *(f"slices/s, batch {size}" for size in sizes)),
        *("peak memory, MiB", "parameters, million", "GFLOP a slice", "training, hours"),
    )
    on_gpu = rows[0].model.device.type == "cuda"
    memory_note = f"Peak memory of one batch of {plan.batch_size} in a fresh process: " + (
        "what torch had allocated on the GPU at most." if on_gpu else "resident memory, Python and torch included."
    )
    notes = (
        f"Slices a second: the model alone, without reading and resizing, {contestants[0].model.image_size} pixels "
        f"squared, median of {plan.rounds} rounds which visit every row in turn, after a warm-up; batches of "
        f"{' and '.join(map(str, sizes))}.",
        memory_note,
        "GFLOP: counted by torch, a multiplication with its addition as two; convolutions, matrix products and "
        "attention only.",
        "samples: masks that are averaged, each with all the steps. Training time as the model card tells it; – where "
        "it does not.",
    )
    return Table("efficiency", "Efficiency", columns, tuple(cells), notes)


def step_variants(contestant: Contestant, steps: int) -> list[Contestant]:
    """The contestant, and with `steps` reverse steps where it has them."""
    if not contestant.takes_steps or steps == contestant.steps:
        return [contestant]
    return [contestant, contestant.with_steps(steps)]


def measure_speeds(
    contestants: Sequence[Contestant], sizes: Sequence[int], rounds: int, progress: Update
) -> list[dict[int, float]]:
    """Slices a second of each contestant and batch size: interleaved, so that a busy moment spares nobody."""
    seconds = [{size: [] for size in sizes} for _ in contestants]  # type: list[dict[int, list[float]]]
    for turn in range(rounds + 1):
        for contestant, times in zip(contestants, seconds, strict=True):
            progress(turn, rounds + 1, f"speed of {contestant.name}")
            for size in sizes:
                spent = time_batch(contestant.model, size)
                if turn:  # the first is the warm-up
                    times[size].append(spent)
    return [{size: size / statistics.median(spent) for size, spent in times.items()} for times in seconds]


def time_batch(model: SliceModel, size: int) -> float:
    """Seconds of one batch of noise, the device's queue emptied before and after."""
    batch = random_slices(model, size)
    synchronise(model.device)
    start = time.perf_counter()
    model(batch)
    synchronise(model.device)
    return time.perf_counter() - start


def count_parameters(model: SliceModel) -> int:
    """Of all its networks."""
    return sum(
        parameter.numel()
        for component in model.components.values()
        if isinstance(component, torch.nn.Module)
        for parameter in component.parameters()
    )


def count_flops(model: SliceModel) -> int:
    """For one slice."""
    with FlopCounterMode(display=False) as counter:
        model(random_slices(model, 1))
    return int(counter.get_total_flops())
