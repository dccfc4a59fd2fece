"""Over the noises, how many of the masks hold each pixel: the sums from which the disagreement follows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sdseg.inference.overlap import disagreement_of_sums, overall


@dataclass(frozen=True)
class Tally:
    """Of one slice, or of several together.

    Attributes:
        held: structure by structure, the sum over the pixels of how many masks hold it; of probabilities their sum.
        squares: the sum of the squares of the same.
        masks: how many there were; None where probabilities were summed, of which there is one alone.
    """

    held: npt.NDArray[np.float64]
    squares: npt.NDArray[np.float64]
    masks: int | None

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.held + other.held, self.squares + other.squares, self.masks)

    @property
    def uncertainty(self) -> float | None:
        """The mean over the structures that were found; None: none was."""
        sums = zip(self.squares.tolist(), self.held.tolist(), strict=True)
        if self.masks is None:
            return overall({str(n): expected_disagreement(*pair) for n, pair in enumerate(sums)})
        return overall({str(n): disagreement_of_sums(*pair, self.masks) for n, pair in enumerate(sums)})


def expected_disagreement(squares: float, held: float) -> float | None:
    """What `disagreement_of_sums` tends to over many masks that hold each pixel as often as its probability says:
    1 - (sum of p²) / (sum of p). The honest signal of a model that draws no noise: 0 where it is sure of all."""
    return min(1.0, max(0.0, 1.0 - squares / held)) if held else None
