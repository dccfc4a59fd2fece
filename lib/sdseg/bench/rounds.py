"""Rounds in which every contestant has its turn, so that a busy moment of the machine spares nobody."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from sdseg.bench.contestant import Contestant, Facts
from sdseg.bench.timing import Seconds
from sdseg.bench.worker import Worker

Update = Callable[[int, int, str], None]
"""Steps done, steps in all, what is being done."""


@dataclass(frozen=True)
class Outcome:
    """What the rounds say of one contestant.

    Attributes:
        contestant: who.
        facts: known since it was loaded.
        seconds: a slice, median of the rounds, by stage and as "all".
        spread: smallest and largest seconds a slice of the rounds.
        peak_bytes: of its process, or on a GPU of torch.
    """

    contestant: Contestant
    facts: Facts
    seconds: Seconds
    spread: tuple[float, float]
    peak_bytes: int


def run_rounds(
    contestants: Sequence[Contestant],
    rounds: int,
    slices: int,
    device: str,
    threads: int,
    update: Update = lambda done, total, what: None,
) -> list[Outcome]:
    """After a warm-up each runs `slices` slices once a round.

    Raises SdsegError: a contestant cannot run here.
    """
    total = len(contestants) * (rounds + 2)
    with ExitStack() as stack:
        workers: list[Worker] = []
        for contestant in contestants:
            update(len(workers), total, f"loading {contestant.name}")
            workers.append(stack.enter_context(Worker(contestant, device, threads)))
        passes: list[list[Seconds]] = [[] for _ in workers]
        for turn in range(rounds + 1):
            for number, worker in enumerate(workers):
                update(len(workers) * (turn + 1) + number, total, f"round {turn} of {rounds}: {worker.contestant.name}")
                spent = worker.run(slices if turn else worker.contestant.batch_size)
                if turn:
                    passes[number].append(spent)
        update(total, total, "")
        return [_outcome(worker, spent, slices) for worker, spent in zip(workers, passes, strict=True)]


def _outcome(worker: Worker, passes: Sequence[Seconds], slices: int) -> Outcome:
    seconds = {stage: statistics.median(one[stage] for one in passes) / slices for stage in passes[0]}
    every = [one["all"] / slices for one in passes]
    return Outcome(worker.contestant, worker.facts, seconds, (min(every), max(every)), worker.peak_memory())
