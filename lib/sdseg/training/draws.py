"""Random numbers that belong to an example, not to a process: the same however a batch is divided."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch


def seed_of(*parts: int) -> int:
    """One seed, 63 bits, from the seed of a run, a step, a place in the batch ...; near parts give unrelated seeds."""
    digest = hashlib.blake2b(b"".join(part.to_bytes(16, "big", signed=True) for part in parts), digest_size=8)
    return int.from_bytes(digest.digest(), "big") >> 1


class Draws:
    """The random numbers of one batch: each example has its own generator, so its numbers depend on its seed alone.

    Drawn on the CPU, the same on every device.

    Args:
        seeds: one an example.
    """

    def __init__(self, seeds: Sequence[int]) -> None:
        self.seeds = tuple(seeds)
        self._generators = [torch.Generator().manual_seed(seed) for seed in seeds]

    def normal(self, *shape: int) -> torch.Tensor:
        """(batch, *shape) float32, standard normal."""
        return torch.stack([torch.randn(shape, generator=generator) for generator in self._generators])

    def integers(self, low: int, high: int) -> torch.Tensor:
        """(batch,) int64 from `low` to `high`, inclusive."""
        return torch.cat([torch.randint(low, high + 1, (1,), generator=generator) for generator in self._generators])

    def choice(self, options: Sequence[Sequence[int]]) -> torch.Tensor:
        """(batch,) int64, one of each example's own options."""
        picks = zip(options, self._generators, strict=True)
        return torch.tensor([own[int(torch.randint(len(own), (1,), generator=g))] for own, g in picks])
