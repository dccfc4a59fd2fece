"""The curves of a simulation as PNG."""

from __future__ import annotations

from collections.abc import Callable

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sdseg.evaluation.plots import COLOURS, as_png
from sdseg.simulation.records import Round
from sdseg.simulation.results import Results

_BAND = 0.15


def draw_curves(results: Results) -> bytes:
    """Dice, the work on the images asked for, and the work on validation images, against the number of labels.

    Lines are means over the seeds, bands reach from the lowest to the highest.
    """
    figure = Figure(figsize=(13.0, 4.2), facecolor="white", layout="constrained")
    dice, asked, judged = figure.subplots(1, 3)
    for strategy, colour in zip(results.strategies, COLOURS, strict=False):
        _line(dice, results, strategy, colour, lambda done: done.mean_dice)
        _line(judged, results, strategy, colour, lambda done: done.validation.helped / done.judged)
        asked_before = results.numbers[1:]
        _line(asked, results, strategy, colour, lambda done: done.asked_work.helped / len(done.asked), asked_before)
        _line(asked, results, strategy, colour, lambda done: done.asked_work.alone / len(done.asked), asked_before, ":")
    dice.set_ylabel("Dice, validation part")
    asked.set_ylabel("voxels to paint, image asked for")
    judged.set_ylabel("voxels to paint, validation image")
    asked.plot([], [], ":", color="#555555", label="without help")
    for axis in (dice, asked, judged):
        axis.set_xlabel("images labelled")
        axis.set_xticks([results.labels(number) for number in results.numbers])
        axis.grid(axis="y", color="#dddddd", linewidth=0.8)
        axis.spines[["top", "right"]].set_visible(False)
        axis.legend(frameon=False)
    for axis in (asked, judged):
        axis.set_ylim(bottom=0)
    return as_png(figure)


def _line(
    axis: Axes,
    results: Results,
    strategy: str,
    colour: str,
    value: Callable[[Round], float],
    numbers: list[int] | None = None,
    style: str = "-",
) -> None:
    """One curve; over `numbers` alone, each at the labels its model had learnt from, where the work came before."""
    places = results.numbers if numbers is None else numbers
    points = [
        (results.labels(number if numbers is None else number - 1), spread)
        for number in places
        if (spread := results.spread(strategy, number, value))
    ]
    labels = [label for label, _ in points]
    name = strategy if style == "-" else None
    axis.plot(labels, [spread.mean for _, spread in points], style, marker="o", markersize=4, color=colour, label=name)
    if style == "-":
        low, high = [spread.low for _, spread in points], [spread.high for _, spread in points]
        axis.fill_between(labels, low, high, color=colour, alpha=_BAND, linewidth=0)
