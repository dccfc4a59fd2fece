"""Rounds in which every contestant has its turn, so that a busy moment of the machine spares nobody."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

from sdseg.bench.agreement import Agreement, agreement
from sdseg.bench.contestant import Contestant, Facts
from sdseg.bench.timing import Seconds
from sdseg.bench.worker import Worker

Update = Callable[[int, int, str], None]
"""Steps done, steps in all, what is being done."""
STAND = "sdseg.bench.slices_stand:SlicesStand"


@dataclass(frozen=True)
class Outcome:
    """What the rounds say of one contestant.

    Attributes:
        contestant: who.
        facts: known since it was loaded.
        seconds: a slice, median of the rounds, by stage and as "all".
        spread: smallest and largest seconds a slice of the rounds.
        peak_bytes: of its process, or on a GPU of torch.
        ratio: how many times as fast as the baseline of the same rounds.
        agreement: of its masks with the baseline's; None where they cannot be compared.
    """

    contestant: Contestant
    facts: Facts
    seconds: Seconds
    spread: tuple[float, float]
    peak_bytes: int
    ratio: float = 1.0
    agreement: Agreement | None = None


def run_rounds(
    contestants: Sequence[Contestant],
    rounds: int,
    slices: Any,
    device: str,
    threads: int,
    update: Update = lambda done, total, what: None,
    together: int = 4,
) -> list[Outcome]:
    """After a warm-up each runs over the slices once a round.

    Args:
        contestants: the baseline first.
        rounds: how often.
        slices: (slices, 3, rows, columns), every other of which is run over; or how many random ones.
        device: torch device.
        threads: of the processor.
        update: told of progress.
        together: so many are in memory beside the baseline, which has its turn in every round of each such group.

    Raises SdsegError: a contestant cannot run here.
    """
    first, *others = contestants
    outcomes: list[Outcome] = []
    groups = [others[place : place + together] for place in range(0, len(others), together)] or [[]]
    total, begun = sum(len(group) + 1 for group in groups) * (rounds + 2), 0
    for group in groups:
        tell = _after(begun, total, update)
        found = _run_group([first, *group], rounds, slices, device, threads, tell)
        outcomes += found[1:] if outcomes else found
        begun += (len(group) + 1) * (rounds + 2)
    update(total, total, "")
    return outcomes


def _run_group(
    contestants: Sequence[Contestant], rounds: int, slices: Any, device: str, threads: int, tell: Callable[[str], None]
) -> list[Outcome]:
    given = (None, slices) if isinstance(slices, int) else (slices, len(slices) // 2)
    with ExitStack() as stack:
        workers: list[Worker] = []
        for contestant in contestants:
            tell(f"loading {contestant.name}")
            worker = Worker(contestant.name, STAND, (contestant, device, *given), threads)
            workers.append(stack.enter_context(worker))
        passes: list[list[Seconds]] = [[] for _ in workers]
        for turn in range(rounds + 1):
            for number, worker in enumerate(workers):
                tell(f"round {turn} of {rounds}: {worker.name}")
                if turn:
                    passes[number].append(worker.ask("run"))
                else:
                    worker.ask("warm")
        pairs = zip(contestants, workers, passes, strict=True)
        return _compared([_outcome(*pair) for pair in pairs], workers)


def _outcome(contestant: Contestant, worker: Worker, passes: Sequence[Seconds]) -> Outcome:
    seconds = {stage: statistics.median(one[stage] for one in passes) for stage in passes[0]}
    every = [one["all"] for one in passes]
    return Outcome(contestant, worker.ask("tell"), seconds, (min(every), max(every)), worker.ask("memory"))


def _compared(outcomes: list[Outcome], workers: Sequence[Worker]) -> list[Outcome]:
    """With ratio and agreement, by the first of them."""
    reference, reached = workers[0].ask("probability"), outcomes[0].seconds["all"]

    def of(outcome: Outcome, worker: Worker) -> Outcome:
        ratio = reached / outcome.seconds["all"]
        if not outcome.contestant.is_comparable:
            return replace(outcome, ratio=ratio)
        return replace(outcome, ratio=ratio, agreement=agreement(worker.ask("probability"), reference))

    return [of(outcome, worker) for outcome, worker in zip(outcomes, workers, strict=True)]


def _after(begun: int, total: int, update: Update) -> Callable[[str], None]:
    steps: Iterator[int] = iter(range(begun, total))
    return lambda what: update(next(steps), total, what)
