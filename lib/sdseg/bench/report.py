"""The rounds as a report: a table with ratios against the baseline, and a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from matplotlib.figure import Figure

from sdseg.bench.machine import Machine
from sdseg.bench.rounds import Outcome
from sdseg.bench.timing import STAGES
from sdseg.evaluation.plots import COLOURS, as_png
from sdseg.evaluation.report import Cell, Picture, Report, Table

_COLUMNS = (
    *("contestant", "batch", "s a slice", "times the baseline", "fastest and slowest round"),
    *(*STAGES, "GFLOP a slice", "share of the fp32 peak", "peak memory, MiB", "ready in s"),
)
_NOTES = (
    "s a slice: the median over the rounds, reading and resizing left out; a round visits every contestant in turn.",
    "baseline: the paper's loop, one slice after the other in float32 with nothing set. Every contestant is a process "
    "of its own, and only one works at a time.",
    "GFLOP: counted by torch on the plain networks, a multiplication with its addition as two. Share of the peak: "
    "these over the seconds, against the best float32 matrix product of this machine in the same run; an engine that "
    "computes in bfloat16, or leaves work out, can exceed 1.",
    "Peak memory: of the process, Python and torch included; on a GPU what torch had allocated.",
)


def build_report(
    outcomes: Sequence[Outcome], machine: Machine, peaks: Mapping[str, float], facts: Mapping[str, Any]
) -> Report:
    """Args: `outcomes`, the baseline first; `peaks`: precision -> GFLOP a second of a matrix product."""
    told = {
        "date": datetime.now(UTC).date().isoformat(),
        **facts,
        "machine": asdict(machine),
        "matrix product, GFLOP a second": {name: round(value) for name, value in peaks.items()},
    }
    table = Table("speed", "Speed", _COLUMNS, tuple(_row(one, outcomes[0], peaks["fp32"]) for one in outcomes), _NOTES)
    caption = "Seconds a slice by stage, and how many times as fast as the baseline."
    picture = Picture("speed", "Seconds a slice", caption, _bars(outcomes))
    return Report("What a slice costs", told, (table,), (picture,))


def ratio(outcome: Outcome, reference: Outcome) -> float:
    """How many times as fast as the reference."""
    return reference.seconds["all"] / outcome.seconds["all"]


def _row(outcome: Outcome, reference: Outcome, peak: float) -> tuple[Cell, ...]:
    seconds, gflop = outcome.seconds["all"], outcome.facts.gflop
    low, high = outcome.spread
    return (
        *(outcome.contestant.name, outcome.contestant.batch_size, seconds, round(ratio(outcome, reference), 2)),
        f"{low:.4g} – {high:.4g}",
        *(outcome.seconds.get(stage) for stage in STAGES),
        *(gflop, None if gflop is None else round(gflop / seconds / peak, 3)),
        *(round(outcome.peak_bytes / 2**20), round(outcome.facts.load_seconds, 1)),
    )


def _bars(outcomes: Sequence[Outcome]) -> bytes:
    figure = Figure(figsize=(8.4, 0.9 + 0.42 * len(outcomes)), facecolor="white", layout="constrained")
    axis = figure.subplots()
    names = [f"{one.contestant.name}, batch {one.contestant.batch_size}" for one in outcomes]
    left = [0.0] * len(outcomes)
    parts = {stage: [one.seconds.get(stage, 0.0) for one in outcomes] for stage in STAGES}
    rest = [one.seconds["all"] - sum(one.seconds.get(stage, 0.0) for stage in STAGES) for one in outcomes]
    for (part, widths), colour in zip({**parts, "other": rest}.items(), COLOURS, strict=False):
        axis.barh(names, widths, left=left, color=colour, label=part)
        left = [start + width for start, width in zip(left, widths, strict=True)]
    for number, (end, one) in enumerate(zip(left, outcomes, strict=True)):
        axis.text(end, number, f"  {ratio(one, outcomes[0]):.1f} ×", va="center")
    axis.invert_yaxis()
    axis.set_xlim(0, max(left) * 1.12)
    axis.set_xlabel("s a slice")
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False, loc="lower right")
    return as_png(figure)
