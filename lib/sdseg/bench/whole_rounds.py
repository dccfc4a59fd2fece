"""Series to SEG in turns, and their table and picture."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sdseg.bench.agreement import dice_of
from sdseg.bench.bars import Bar
from sdseg.bench.contestant import Contestant
from sdseg.bench.rounds import Update
from sdseg.bench.timing import Seconds
from sdseg.bench.whole_stand import FILE, WHOLE_STAGES
from sdseg.bench.worker import Worker
from sdseg.evaluation.report import Table

STAND = "sdseg.bench.whole_stand:WholeStand"
_COLUMNS = (
    *("contestant", "engine", "s a series", "slices/s", "times the baseline", *WHOLE_STAGES),
    *("share of SEG encoding", "Dice with the baseline", "peak memory, MiB", "ready in s"),
)
_NOTES = (
    "From the files of the series to the file of the SEG, medians of rounds in turns, each contestant a process of its "
    "own; the first run, a warm-up, does not count. baseline: the plain networks, one slice at a time.",
    "Dice: of the labelmaps on the source's voxels. Peak memory: of the process, Python and torch included.",
)


@dataclass(frozen=True)
class WholeOutcome:
    """Attributes: contestant; facts: see `WholeStand.tell`; seconds: medians by stage; dice: with the first one's
    labelmap; peak_bytes: of its process."""

    contestant: Contestant
    facts: dict[str, Any]
    seconds: Seconds
    dice: float
    peak_bytes: int

    @property
    def seg_share(self) -> float:
        """Of the whole."""
        return self.seconds[FILE] / self.seconds["all"]


def run_whole(
    contestants: Sequence[Contestant], rounds: int, source: Path, device: str, threads: int, update: Update
) -> list[WholeOutcome]:
    """Each segments the series once a round. Raises SdsegError."""
    total = len(contestants) * (rounds + 2)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="sdseg-bench-")))
        workers: list[Worker] = []
        for one in contestants:
            update(len(workers), total, f"loading {one.name}")
            workers.append(stack.enter_context(Worker(one.name, STAND, (one, device, source, folder), threads)))
        passes: list[list[Seconds]] = [[] for _ in workers]
        for turn in range(rounds + 1):
            for number, worker in enumerate(workers):
                update(len(workers) * (turn + 1) + number, total, f"round {turn} of {rounds}: {worker.name}")
                seconds = worker.ask("run")
                if turn:
                    passes[number].append(seconds)
        update(total, total, "")
        reference = workers[0].ask("labelmap")
        return [
            WholeOutcome(
                one,
                worker.ask("tell"),
                {stage: statistics.median(spent[stage] for spent in each) for stage in each[0]},
                dice_of(worker.ask("labelmap"), reference),
                worker.ask("memory"),
            )
            for one, worker, each in zip(contestants, workers, passes, strict=True)
        ]


def whole_table(outcomes: Sequence[WholeOutcome]) -> Table:
    """Args: outcomes: the baseline first."""
    rows = []
    for one in outcomes:
        seconds = one.seconds["all"]
        rows.append(
            (
                *(one.contestant.name, one.facts["engine"], seconds, one.facts["slices"] / seconds),
                round(outcomes[0].seconds["all"] / seconds, 2),
                *(one.seconds[stage] for stage in WHOLE_STAGES),
                *(round(one.seg_share, 3), round(one.dice, 5), round(one.peak_bytes / 2**20)),
                round(one.facts["ready"], 1),
            )
        )
    return Table("whole", "Series to SEG", _COLUMNS, tuple(rows), _NOTES)


def whole_bars(outcomes: Sequence[WholeOutcome]) -> list[Bar]:
    """Of everybody but the baseline."""
    bars = []
    for one in outcomes[1:]:
        name = one.contestant.name
        if not one.contestant.lite:
            bars.append(Bar(f"{name}: Dice with the baseline", one.dice, at_least=0.999))
        bars.append(Bar(f"{name}: share of SEG encoding", one.seg_share, at_most=0.1))
    return bars
