"""Curves as PNG."""

from __future__ import annotations

import io
from collections.abc import Mapping
from itertools import cycle

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from sdseg.evaluation.bootstrap import Interval

# Okabe and Ito: told apart with any kind of colour vision.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")


def as_png(figure: Figure, dpi: int = 110) -> bytes:
    """The figure as the content of a PNG file."""
    FigureCanvasAgg(figure)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=dpi, facecolor=figure.get_facecolor())
    return stream.getvalue()


def plot_convergence(curves: Mapping[str, Mapping[int, Interval]], label: str) -> bytes:
    """Dice against the number of steps.

    Args:
        curves: model -> number of steps -> mean and interval; a model with one point alone is a dashed line.
        label: of the vertical axis.
    """
    figure = Figure(figsize=(7.2, 4.4), facecolor="white", layout="constrained")
    axis = figure.subplots()
    counts = sorted({steps for curve in curves.values() for steps in curve})
    for (name, curve), colour in zip(curves.items(), cycle(COLOURS), strict=False):
        points = sorted(curve.items())
        if len(points) == 1 and len(counts) > 1:
            axis.axhline(points[0][1].mean, color=colour, linestyle="--", linewidth=1.5, label=f"{name} (no steps)")
            continue
        steps = [number for number, _ in points]
        axis.plot(steps, [mean.mean for _, mean in points], "o-", color=colour, linewidth=2, markersize=5, label=name)
        band = [(n, mean.low, mean.high) for n, mean in points if mean.low is not None and mean.high is not None]
        if band:
            places, low, high = ([point[n] for point in band] for n in range(3))
            axis.fill_between(places, low, high, color=colour, alpha=0.15, linewidth=0)
    axis.set_xscale("log")
    axis.set_xticks(counts, [str(number) for number in counts])
    axis.xaxis.set_minor_locator(NullLocator())
    axis.set_xlabel("DDIM steps")
    axis.set_ylabel(label)
    axis.grid(axis="y", color="#dddddd", linewidth=0.8)
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False)
    return as_png(figure)
