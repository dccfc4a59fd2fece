"""Cases and the reverse process as pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from scipy.ndimage import binary_erosion

from sdseg.evaluation.plots import as_png
from sdseg.evaluation.view import View

_TILE = 2.6  # inches
_DARK = "#14181f"
# As many as the organs of BTCV.
_LABELS = (
    *("#00e5ff", "#ffb000", "#ff4f79", "#7ddc3c", "#b07cff", "#ff7a1a", "#2f7bff"),
    *("#f5f07a", "#00a884", "#ffffff", "#c98a5e", "#ff9ff3", "#9aa5b1"),
)
_LEGEND_COLUMNS = 6


def draw_cases(views: Sequence[tuple[str, View]], labels: Sequence[str]) -> bytes:
    """One row a case: image, prediction, reference.

    Args:
        views: what to write beside the row, and the slice.
        labels: names of the label values from 1.
    """
    longest = max(len(line) for caption, _ in views for line in caption.splitlines())
    legend = -(-len(labels) // _LEGEND_COLUMNS) if len(labels) > 1 else 0  # rows of it
    size = (3 * _TILE + 0.09 * longest, len(views) * _TILE + 0.4 + 0.28 * legend)
    figure = Figure(figsize=size, facecolor=_DARK, layout="constrained")
    axes = figure.subplots(len(views), 3, squeeze=False)
    for place, (row, (caption, view)) in enumerate(zip(axes, views, strict=True)):
        masks = (None, view.prediction, view.reference)
        for axis, name, mask in zip(row, ("image", "prediction", "reference"), masks, strict=True):
            _draw(axis, view.image if mask is None else overlaid(view.image, mask), view.size[1] / view.size[0])
            if place == 0:
                axis.set_title(name, color="white", fontsize=11)
        row[0].set_ylabel(caption, color="white", fontsize=10, rotation=0, ha="right", va="center", labelpad=8)
    if legend:
        patches = [Patch(color=colour_of(value), label=name) for value, name in enumerate(labels, 1)]
        columns = min(len(labels), _LEGEND_COLUMNS)
        figure.legend(handles=patches, loc="outside lower center", ncols=columns, frameon=False, labelcolor="white")
    return as_png(figure)


def draw_reverse_process(
    image: npt.NDArray[Any],
    steps: Sequence[tuple[int, npt.NDArray[Any], npt.NDArray[Any]]],
    reference: npt.NDArray[Any],
) -> bytes:
    """Two rows: what the noisy latent decodes to, and what the estimate made from it decodes to, from t = 999 on.

    Args:
        image: (rows, columns, 3) in [0, 1], the model's input.
        steps: timestep, decoded z_t and decoded estimate of z0, (rows, columns) in [0, 1].
        reference: (rows, columns) bool, on the model's grid.
    """
    columns = len(steps) + 1
    figure = Figure(figsize=(columns * 1.5 + 0.9, 3.5), facecolor=_DARK, layout="constrained")
    axes = figure.subplots(2, columns, squeeze=False)
    _draw(axes[0][0], image)
    _draw(axes[1][0], reference, cmap="gray", vmin=0, vmax=1)
    axes[0][0].set_title("image", color="white", fontsize=9)
    axes[1][0].set_title("reference", color="white", fontsize=9)
    for column, (timestep, noisy, clean) in enumerate(steps, 1):
        _draw(axes[0][column], noisy, cmap="gray", vmin=0, vmax=1)
        _draw(axes[1][column], clean, cmap="gray", vmin=0, vmax=1)
        axes[0][column].set_title(f"t = {timestep}", color="white", fontsize=9)
    for axis, name in ((axes[0][1], "$D(z_t)$"), (axes[1][1], r"$D(\tilde{z}_0)$")):
        axis.set_ylabel(name, color="white", fontsize=11)
    return as_png(figure, dpi=120)


def overlaid(image: npt.NDArray[Any], labelmap: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """(rows, columns, 3) with every label tinted and its rim in full colour."""
    shown = image.copy()
    for value in np.unique(labelmap[labelmap > 0]):
        mask, colour = labelmap == value, np.array(to_rgb(colour_of(int(value))))
        shown[mask] = 0.72 * shown[mask] + 0.28 * colour
        shown[rim(mask)] = colour
    return shown


def rim(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """The pixels of a mask with a neighbour outside; as thick as shows in a small picture."""
    return mask & ~binary_erosion(mask, iterations=max(1, round(max(mask.shape) / 256)))


def colour_of(value: int) -> str:
    """Of a label value from 1; the first is cyan, which neither grey nor flesh nor blood is."""
    return _LABELS[(value - 1) % len(_LABELS)]


def _draw(axis: Any, image: npt.NDArray[Any], aspect: float = 1.0, **options: Any) -> None:
    axis.imshow(image, aspect=aspect, interpolation="nearest", **options)
    axis.set_xticks([])
    axis.set_yticks([])
    for spine in axis.spines.values():
        spine.set_visible(False)
