"""Draw docs/images/uncertainty.png: one slice of the sample series, its probability and its disagreement."""

import argparse
from pathlib import Path

import matplotlib as mpl
import numpy as np

from sdseg.dicom.series import load_series
from sdseg.inference.segmenter import Segmenter

mpl.use("Agg")
import matplotlib.pyplot as plt

SAMPLE = Path(__file__).resolve().parents[1] / "sample-data"
PLACE = "docs/images/uncertainty.png"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--noises", type=int, default=16)
    parser.add_argument("--slice", type=int, help="by default the one where the noises disagree most")
    parser.add_argument("--output", type=Path, default=Path(PLACE))
    given = parser.parse_args()
    segmenter = Segmenter.load(SAMPLE / "weights" / "brain-small")
    measured = segmenter.segment(SAMPLE / "dicom", noises=given.noises).uncertainty
    assert measured is not None
    # (column, row, slice) -> (slices, rows, columns)
    probability = measured.probability["brain"].transpose(2, 1, 0)
    disagreement = measured.disagreement["brain"].transpose(2, 1, 0)
    shown = int(disagreement.sum(axis=(1, 2)).argmax()) if given.slice is None else given.slice
    draw(load_series(SAMPLE / "dicom").pixels()[shown], probability[shown], disagreement[shown], given.output)
    inside = probability > 0.5
    print(f"slice={shown} noises={given.noises} largest_disagreement={disagreement.max():.3f}")
    print(f"mean_disagreement_inside={disagreement[inside].mean():.4f} voxels={inside.sum()}")


def draw(image: np.ndarray, probability: np.ndarray, disagreement: np.ndarray, path: Path) -> None:
    """Three panels of (rows, columns) with their scales."""
    panels = (("T1", image, "gray", None), ("probability", probability, "gray", 1.0))
    figure, axes = plt.subplots(1, 3, figsize=(10, 3.4), layout="constrained")
    for axis, (title, values, colours, most) in zip(
        axes, (*panels, ("disagreement", disagreement, "magma", 0.5)), strict=True
    ):
        drawn = axis.imshow(values, cmap=colours, vmin=0, vmax=most)
        axis.set_title(title)
        axis.set_axis_off()
        if most is not None:
            figure.colorbar(drawn, ax=axis, shrink=0.8)
    figure.savefig(path, dpi=90)


if __name__ == "__main__":
    main()
