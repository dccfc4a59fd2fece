"""Throughput by batch size, and the latency of one slice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sdseg.bench.contestant import Contestant
from sdseg.bench.rounds import Outcome, Update, run_rounds
from sdseg.evaluation.report import Table

SIZES = (1, 2, 4, 8, 16, 32, 64)
_COLUMNS = ("engine", "batch", "slices/s", "ms a batch", "times the baseline", "peak memory, MiB")


def run_sweep(
    contestants: Sequence[Contestant], sizes: Sequence[int], rounds: int, device: str, threads: int, update: Update
) -> list[Outcome]:
    """Every contestant but the baseline, which comes first, at every batch size; two batches a round."""
    first, *others = contestants
    outcomes: list[Outcome] = []
    for place, size in enumerate(sizes):

        def tell(done: int, total: int, what: str, place: int = place, size: int = size) -> None:
            update(place * total + done, len(sizes) * total, f"batch {size}: {what}")

        turn = [first, *(replace(one, batch_size=size) for one in others)]
        found = run_rounds(turn, rounds, 2 * size, device, threads, tell)
        outcomes += found[1:] if outcomes else found
    return outcomes


def sweep_table(outcomes: Sequence[Outcome]) -> Table:
    """One row an engine and batch size."""
    rows = tuple(
        (
            *(one.contestant.name, one.contestant.batch_size, 1 / one.seconds["all"]),
            *(1000 * one.seconds["all"] * one.contestant.batch_size, round(one.ratio, 2)),
            round(one.peak_bytes / 2**20),
        )
        for one in outcomes
    )
    note = "The model alone, after a warm-up, the device's queue emptied before and after; batch 1 is the latency."
    return Table("sweep", "Batch sizes", _COLUMNS, rows, (note,))
