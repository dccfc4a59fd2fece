"""The rounds as a report: a table with ratios against the baseline, and a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from matplotlib.figure import Figure

from sdseg.bench.bars import Bar, bars_table
from sdseg.bench.machine import Machine
from sdseg.bench.rounds import Outcome
from sdseg.bench.timing import STAGES, Seconds
from sdseg.evaluation.plots import COLOURS, as_png
from sdseg.evaluation.report import Cell, Picture, Report, Table

_COLUMNS = (
    *("contestant", "batch", "s a slice", "times the baseline", "fastest and slowest round"),
    *("Dice with the baseline", "largest difference"),
    *(*STAGES, "GFLOP a slice", "share of the fp32 peak", "peak memory, MiB", "ready in s"),
)
_NOTES = (
    "s a slice: the median over the rounds, reading and resizing left out; a round visits every contestant in turn.",
    "baseline: the paper's loop, one slice after the other in float32 with nothing set. Every contestant is a process "
    "of its own, and only one works at a time; times the baseline: of the same rounds.",
    "Dice: of the masks of all slices together; largest difference: of a probability. Of random weights the Dice says "
    "little, as much lies near a half. An int8 engine was calibrated on other slices of the same image. –: other "
    "weights.",
    "GFLOP: counted by torch on the plain networks, a multiplication with its addition as two. Share of the peak: "
    "these over the seconds, against the best float32 matrix product of this machine in the same run; an engine that "
    "computes in bfloat16, or leaves work out, can exceed 1.",
    "Peak memory: of the process, Python and torch included; on a GPU what torch had allocated.",
)


def build_report(
    outcomes: Sequence[Outcome],
    machine: Machine,
    peaks: Mapping[str, float],
    facts: Mapping[str, Any],
    bars: Sequence[Bar] = (),
) -> Report:
    """Args: `outcomes`, the baseline first; `peaks`: precision -> GFLOP a second of a matrix product."""
    told = {
        "matrix product, GFLOP a second": {name: round(value) for name, value in peaks.items()},
        "a slice's work at that rate, times the baseline": limits(outcomes[0], peaks),
    }
    table = Table("speed", "Speed", _COLUMNS, tuple(_row(one, peaks["fp32"]) for one in outcomes), _NOTES)
    caption = "Seconds a slice by stage, and how many times as fast as the baseline."
    picture = Picture("speed", "Seconds a slice", caption, slices_picture(outcomes))
    return report_of("What a slice costs", [table], machine, {**facts, **told}, bars, [picture])


def report_of(
    title: str,
    tables: Sequence[Table],
    machine: Machine,
    facts: Mapping[str, Any],
    bars: Sequence[Bar] = (),
    pictures: Sequence[Picture] = (),
) -> Report:
    """With date, machine and, where there are some, what is aimed at."""
    told = {"date": datetime.now(UTC).date().isoformat(), **facts, "machine": asdict(machine)}
    every = (*tables, bars_table(bars)) if bars else tuple(tables)
    return Report(title, told, every, tuple(pictures))


def limits(baseline: Outcome, peaks: Mapping[str, float]) -> dict[str, float]:
    """By precision, how many times as fast as the baseline a slice would be if all its products ran at the peak."""
    gflop = baseline.facts.gflop
    if gflop is None:
        return {}
    return {name: round(baseline.seconds["all"] * peak / gflop, 2) for name, peak in peaks.items()}


def _row(outcome: Outcome, peak: float) -> tuple[Cell, ...]:
    seconds, gflop, agrees = outcome.seconds["all"], outcome.facts.gflop, outcome.agreement
    low, high = outcome.spread
    return (
        *(outcome.contestant.name, outcome.contestant.batch_size, seconds, round(outcome.ratio, 2)),
        f"{low:.4g} – {high:.4g}",
        *((None, None) if agrees is None else (round(agrees.dice, 5), agrees.difference)),
        *(outcome.seconds.get(stage) for stage in STAGES),
        *(gflop, None if gflop is None else round(gflop / seconds / peak, 3)),
        *(round(outcome.peak_bytes / 2**20), round(outcome.facts.load_seconds, 1)),
    )


def slices_picture(outcomes: Sequence[Outcome]) -> bytes:
    """Seconds a slice by stage as PNG."""
    names = [f"{one.contestant.name}, batch {one.contestant.batch_size}" for one in outcomes]
    return stage_bars(names, [one.seconds for one in outcomes], [one.ratio for one in outcomes], STAGES, "s a slice")


def stage_bars(
    names: Sequence[str], seconds: Sequence[Seconds], ratios: Sequence[float], stages: Sequence[str], label: str
) -> bytes:
    """A bar a contestant, made of its stages, with its ratio at the end; PNG."""
    figure = Figure(figsize=(8.4, 0.9 + 0.42 * len(names)), facecolor="white", layout="constrained")
    axis = figure.subplots()
    left = [0.0] * len(names)
    parts = {stage: [one.get(stage, 0.0) for one in seconds] for stage in stages}
    rest = [max(0.0, one["all"] - sum(one.get(stage, 0.0) for stage in stages)) for one in seconds]
    for (part, widths), colour in zip({**parts, "other": rest}.items(), COLOURS, strict=False):
        axis.barh(names, widths, left=left, color=colour, label=part)
        left = [start + width for start, width in zip(left, widths, strict=True)]
    for number, (end, ratio) in enumerate(zip(left, ratios, strict=True)):
        axis.text(end, number, f"  {ratio:.1f} ×", va="center")
    axis.invert_yaxis()
    axis.set_xlim(0, max(left) * 1.12)
    axis.set_xlabel(label)
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False, loc="lower right")
    return as_png(figure)
