"""Training steps in turns, and their table."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from sdseg.bench.rounds import Update
from sdseg.bench.training_stand import PLAIN_LOOP, TrainingContestant
from sdseg.bench.worker import Worker
from sdseg.evaluation.report import Table

STAND = "sdseg.bench.training_stand:open_stand"
_COLUMNS = ("training", "precision", "batch", "steps/s", "times the plain loop", "peak memory, MiB")


@dataclass(frozen=True)
class TrainingOutcome:
    """Attributes: contestant; seconds: of a step, the median; peak_bytes: of its process, or on a GPU of torch."""

    contestant: TrainingContestant
    seconds: float
    peak_bytes: int


def run_training(
    contestants: Sequence[TrainingContestant], rounds: int, steps: int, device: str, threads: int, update: Update
) -> list[TrainingOutcome]:
    """After one step that does not count each makes `steps` steps once a round. Raises SdsegError."""
    total = len(contestants) * (rounds + 1)
    with ExitStack() as stack:
        workers = [stack.enter_context(Worker(one.name, STAND, (one, device), threads)) for one in contestants]
        spent: list[list[float]] = [[] for _ in workers]
        for turn in range(rounds + 1):
            for number, worker in enumerate(workers):
                update(len(workers) * turn + number, total, f"round {turn} of {rounds}: {worker.name}")
                seconds = worker.ask("run", steps if turn else 1)
                if turn:
                    spent[number].append(seconds)
        update(total, total, "")
        return [
            TrainingOutcome(one, statistics.median(seconds), worker.ask("memory"))
            for one, seconds, worker in zip(contestants, spent, workers, strict=True)
        ]


def training_table(outcomes: Sequence[TrainingOutcome]) -> Table:
    """Args: outcomes: the plain loop first."""
    plain = outcomes[0].seconds
    rows = tuple(
        (
            *(one.contestant.name, one.contestant.precision, one.contestant.batch_size),
            *(1 / one.seconds, round(plain / one.seconds, 2), round(one.peak_bytes / 2**20)),
        )
        for one in outcomes
    )
    note = (
        f"{PLAIN_LOOP}: the paper's training, float32, one tensor at a time. The same random slices, flips alone as "
        "augmentation; medians of rounds in turns, each contestant a process of its own."
    )
    return Table("training", "Training steps", _COLUMNS, rows, (note,))
