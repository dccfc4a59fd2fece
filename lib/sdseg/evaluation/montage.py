"""A picture of slices: image, segmentation and reference side by side."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

_COLOURS = {"segmentation": "#ffb000", "reference": "#00c2ff"}


def save_montage(
    image: npt.NDArray[Any],
    masks: Mapping[str, npt.NDArray[Any]],
    path: Path,
    title: str = "",
    columns: int = 6,
) -> None:
    """Write a PNG with one row for the image and one for each mask, over evenly spaced slices.

    Args:
        image: (slices, rows, columns) grey values.
        masks: name -> (slices, rows, columns) label values; drawn over the image as area and outline.
        path: of the PNG.
        title: above the picture.
        columns: how many slices to show.
    """
    frame = _content(image)
    image, masks = image[frame], {name: mask[frame] for name, mask in masks.items()}
    chosen = np.linspace(0, len(image) - 1, columns + 2).round().astype(int)[1:-1]
    low, high = np.percentile(image, [0.5, 99.5])
    figure = Figure(figsize=(2.1 * columns, 2.2 * (1 + len(masks)) + 0.5), facecolor="black")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1 + len(masks), columns, squeeze=False)
    for row, name in enumerate(("image", *masks)):
        for axis, index in zip(axes[row], chosen, strict=True):
            axis.imshow(image[index], cmap="gray", vmin=low, vmax=high)
            if row:
                _draw_mask(axis, masks[name][index] > 0, _COLOURS.get(name, "#ff4f79"))
            axis.set_axis_off()
        axes[row][0].set_title(name, color="white", loc="left", fontsize=11)
    for axis, index in zip(axes[0][1:], chosen[1:], strict=True):
        axis.set_title(f"slice {index + 1}", color="#999999", loc="left", fontsize=8)
    figure.suptitle(title, color="white", fontsize=13)
    figure.subplots_adjust(left=0.01, right=0.99, bottom=0.01, top=0.9, wspace=0.02, hspace=0.12)
    figure.savefig(path, dpi=110, facecolor="black")


def _content(image: npt.NDArray[Any], margin: int = 8) -> tuple[slice, slice, slice]:
    """All slices, and the rows and columns in which anything is brighter than the background."""
    bright = image > np.percentile(image, 1) + 0.05 * np.ptp(image)
    spans = [slice(0, len(image))]
    for axis in (1, 2):
        (there,) = np.nonzero(bright.any(axis=tuple({0, 1, 2} - {axis})))
        spans.append(
            slice(max(int(there.min()) - margin, 0), int(there.max()) + margin + 1) if len(there) else slice(None)
        )
    return spans[0], spans[1], spans[2]


def _draw_mask(axis: Any, mask: npt.NDArray[np.bool_], colour: str) -> None:
    from matplotlib.colors import to_rgba

    overlay = np.zeros((*mask.shape, 4))
    overlay[mask] = (*to_rgba(colour)[:3], 0.35)
    axis.imshow(overlay)
    if mask.any() and not mask.all():
        axis.contour(mask, levels=[0.5], colors=[colour], linewidths=0.9)
