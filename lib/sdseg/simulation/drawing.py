"""Which images are labelled at the start, and which may be asked for: drawn at random, from a seed."""

from __future__ import annotations

from collections.abc import Collection

import torch

from sdseg.simulation.pool import Pool
from sdseg.training.draws import seed_of


def draw_start(pool: Pool, count: int, seed: int) -> list[int]:
    """The places labelled at the start: at random, but at least one of them holds a structure."""
    order = _shuffled(len(pool), seed)
    holding = pool.holding()
    first = next(place for place in order if holding[place])
    return [first, *[place for place in order if place != first][: count - 1]]


def candidates(pool: Pool, labelled: Collection[int], most: int | None, seed: int) -> list[int]:
    """The places that may be asked for: all that are not labelled, or `most` of them."""
    free = sorted(set(range(len(pool))) - set(labelled))
    if most is None or len(free) <= most:
        return free
    return sorted(free[place] for place in _shuffled(len(free), seed)[:most])


def _shuffled(count: int, seed: int) -> list[int]:
    generator = torch.Generator().manual_seed(seed_of(seed, 5))
    return torch.randperm(count, generator=generator).tolist()
