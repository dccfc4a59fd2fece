"""How much of a mask is the noise's doing: ten noises, the ten masks held against each other (paper, table 3).

After the authors' notebook `stability_evaluation`: LPIPS between whole sets of predictions (data-set level), PSNR,
SSIM and MS-SSIM between the predictions of one image (instance level), always run n against run 0. Here every
measure is given on both levels.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
import numpy.typing as npt
import torch

from sdseg.evaluation.overlap import volume_overlap
from sdseg.evaluation.runs import Runs
from sdseg.evaluation.similarity import Similarity, mean_squared_error, ms_ssim, psnr, ssim

KINDS = ("Seg", "Score")


@dataclass
class StabilityCounter:
    """Collects what the runs of each case show.

    Attributes:
        lpips: measures LPIPS, or None.
    """

    lpips: Similarity | None = None
    _values: dict[tuple[str, str], list[npt.NDArray[np.float64]]] = field(default_factory=dict)
    _valid: list[npt.NDArray[np.bool_]] = field(default_factory=list)
    _between: list[float] = field(default_factory=list)
    _dice: list[list[float]] = field(default_factory=list)

    def add(self, runs: Runs) -> None:
        """Take in one case: every run against run 0, image by image."""
        for image in range(runs.probabilities.shape[1]):
            self._add_image(runs.probabilities[:, image], runs.masks[:, image])
        if runs.reference.size:
            masks = runs.masks
            self._dice.append([volume_overlap(mask, runs.reference).dice or 0.0 for mask in masks])
            pairs = [volume_overlap(a, b).dice for a, b in combinations(masks, 2)]
            self._between.append(float(np.mean([1.0 if dice is None else dice for dice in pairs])))

    def _add_image(self, probabilities: npt.NDArray[np.float32], masks: npt.NDArray[np.bool_]) -> None:
        there = np.array([mask.any() for mask in masks])
        self._valid.append(there[1:] & there[0])
        for kind, images in zip(KINDS, (masks.astype(np.float32), probabilities), strict=True):
            stack = torch.from_numpy(np.ascontiguousarray(images))[:, None]
            first, others = stack[:1].expand(len(stack) - 1, -1, -1, -1), stack[1:]
            self._keep(kind, "mse", mean_squared_error(others, first))
            for name, measure in (("SSIM", ssim), ("MS-SSIM", ms_ssim), ("LPIPS", self.lpips)):
                self._keep(kind, name, None if measure is None else measure(others, first))

    def _keep(self, kind: str, name: str, values: torch.Tensor | None) -> None:
        number = len(self._valid[-1])
        array = np.full(number, np.nan) if values is None else values.double().numpy()
        self._values.setdefault((kind, name), []).append(array)

    @property
    def images(self) -> int:
        return len(self._valid)

    def measure(self, kind: str, name: str, level: str) -> float | None:
        """LPIPS, PSNR, SSIM or MS-SSIM; None where it could not be computed for any image.

        Args:
            kind: "Seg" (the binary mask) or "Score" (the probability).
            name: of the measure.
            level: "data set": a run's whole set against run 0's, PSNR from the error over all images, then the mean
                over the runs. "instance": the runs of one image against its run 0, then the mean over the images;
                without runs where either mask is empty and, for PSNR, without identical ones, as the authors do.
        """
        if not self._valid:
            return None
        values = np.stack(self._values[kind, "mse" if name == "PSNR" else name])  # (images, runs - 1)
        if level == "data set":
            return _data_set_level(values, name)
        kept = np.stack(self._valid) & np.isfinite(values) & ((name != "PSNR") | (values > 0))
        figures = psnr(torch.from_numpy(values)).numpy() if name == "PSNR" else values
        means = [float(row[there].mean()) for row, there in zip(figures, kept, strict=True) if there.any()]
        return float(np.mean(means)) if means else None

    @property
    def left_out(self) -> int:
        """Pairs that the instance level leaves out because one of the masks is empty."""
        return int(sum((~valid).sum() for valid in self._valid))

    @property
    def dice_between_runs(self) -> float | None:
        """Mean over the cases of the mean Dice of every two runs; two empty masks agree."""
        return float(np.mean(self._between)) if self._between else None

    @property
    def dice_deviation(self) -> tuple[float | None, float | None]:
        """Standard deviation over the runs of the Dice against the reference: of the whole set's mean, of a case."""
        if not self._dice:
            return None, None
        dice = np.array(self._dice)  # (cases, runs)
        return float(dice.mean(axis=0).std(ddof=1)), float(dice.std(axis=1, ddof=1).mean())


def _data_set_level(values: npt.NDArray[np.float64], name: str) -> float | None:
    with np.errstate(invalid="ignore"):
        known = values[np.isfinite(values).all(axis=1)]
    if not len(known):
        return None
    runs = known.mean(axis=0)
    if name != "PSNR":
        return float(runs.mean())
    decibels = psnr(torch.from_numpy(runs[runs > 0]))
    return float(decibels.mean()) if len(decibels) else None
