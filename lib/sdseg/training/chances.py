"""How often each slice is drawn, where some count more than others."""

from __future__ import annotations

import torch

_TURN = (5**0.5 - 1) / 2  # its multiples fill the unit interval more evenly than those of any other number


class Chances:
    """Systematic sampling: a pass over n slices draws n, each as often as its part of the weights says.

    In one pass a slice is drawn floor or ceil of n * weight / sum of the weights times, and so is any run of neighbours
    together; from pass to pass the rounding turns, so that over many passes each comes to its part within a few draws.
    Nothing is random here, and with equal weights every slice is drawn once a pass.

    Args:
        weights: (slices,) at least 0, at least one of them above.

    Raises:
        ValueError: they are not.
    """

    def __init__(self, weights: torch.Tensor) -> None:
        exact = weights.double()
        if exact.ndim != 1 or not torch.isfinite(exact).all() or (exact < 0).any() or not exact.sum() > 0:
            raise ValueError("weights must be one list of finite numbers of at least 0, and not all of them 0")
        if (exact == exact[0]).all():
            exact = torch.ones_like(exact)  # whole numbers, so that nothing is rounded
        ends = exact.cumsum(0)
        self._ends = ends / ends[-1] * len(exact)

    def __len__(self) -> int:
        return len(self._ends)

    def drawn(self, epoch: int) -> torch.Tensor:
        """(slices,) int64: the indices that pass `epoch` draws, ascending."""
        points = torch.arange(len(self), dtype=torch.float64) + (0.5 + epoch * _TURN) % 1
        return torch.searchsorted(self._ends, points, right=True).clamp(max=len(self) - 1)
