"""How sure a segmentation is: the mean probability over several noises, and how far they disagree, voxel by voxel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from sdseg.errors import InputError
from sdseg.inference.overlap import Counts, overall, pair_disagreement

Volume = npt.NDArray[np.float32]
MOST_NOISES = 100
_SEEDS = 2**63  # see `draw_noise`


@dataclass(frozen=True)
class Uncertainty:
    """Maps of each structure on the source's voxel grid, float32 (i, j, k).

    Attributes:
        probability: structure -> mean over the noises of its probability, 0 to 1.
        disagreement: structure -> standard deviation over the noises, 0 to 0.5; empty for a single noise. It is the
            square root of the variance map of Wolleb et al., "Diffusion Models for Implicit Image Segmentation
            Ensembles" (MIDL 2022, arXiv 2112.03145).
        seeds: of the noises.
        affine: (4, 4) voxel index to RAS millimetres.
        masks: structure -> how far the masks of the noises differ from each other, 0 to 1, see `overlap`; None for a
            single noise, or where none found the structure.
    """

    probability: dict[str, Volume]
    disagreement: dict[str, Volume]
    seeds: tuple[int, ...]
    affine: npt.NDArray[np.float64]
    masks: dict[str, float | None] = field(default_factory=dict)

    @property
    def overall(self) -> float | None:
        """The one number by which images are ranked: 0 sure, 1 not at all. None where there is none, see `overlap`."""
        return overall(self.masks)


def check_noises(noises: int) -> None:
    """Raises InputError unless it is 0 or a sensible number of noises."""
    if not 0 <= noises <= MOST_NOISES:
        raise InputError(f"The uncertainty can be measured over 1 to {MOST_NOISES} noises, not {noises}.")


def over_noises(
    first: Volume,
    again: Callable[[int], Volume],
    labels: Mapping[str, int],
    seed: int,
    count: int,
    affine: npt.NDArray[np.float64],
) -> Uncertainty:
    """Mean and standard deviation over `count` noises: those of `seed`, `seed` + 1, ...

    Args:
        first: probability of the noise of `seed`, (1, i, j, k), or (classes, i, j, k) with the background first.
        again: the same of the noise of another seed.
        labels: structure -> value; of several classes the value is the channel.
        seed, count: which noises; one gives no disagreement.
        affine: of the grid, see `Uncertainty`.
    """
    channels = list(labels.values()) if len(first) > 1 else [0]
    seeds = tuple((seed + number) % _SEEDS for number in range(count))
    mean, squares = first[channels].astype(np.float32), np.zeros_like(first[channels], dtype=np.float32)
    held = _masks(first, channels)
    for number, other in enumerate(seeds[1:], 2):  # Welford's update: sums of squares alone would cancel
        drawn = again(other)
        held += _masks(drawn, channels)
        sample = drawn[channels]
        before = sample - mean
        mean += before / number
        squares += before * (sample - mean)
    spread = np.sqrt(squares / count)
    return Uncertainty(
        probability=dict(zip(labels, np.clip(mean, 0, 1), strict=True)),
        disagreement=dict(zip(labels, np.clip(spread, 0, 0.5), strict=True)) if count > 1 else {},
        seeds=seeds,
        affine=affine,
        masks={label: pair_disagreement(counts, count) for label, counts in zip(labels, held, strict=True)},
    )


def _masks(probability: Volume, channels: list[int]) -> Counts:
    """1 where a structure lies, (structures, i, j, k), cut as `Segmenter.to_labelmap` cuts it."""
    if len(probability) == 1:
        return (probability > 0.5).astype(np.uint8)
    return (probability.argmax(axis=0) == np.reshape(channels, (-1, 1, 1, 1))).astype(np.uint8)
