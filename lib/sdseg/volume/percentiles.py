"""Percentiles of values that are seen a slice at a time, to the last bit those of MONAI over all of them at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import torch
from monai.transforms.utils_pytorch_numpy_unification import percentile
from numpy.typing import NDArray

Planes = Callable[[], Iterable[NDArray[np.float32]]]
"""Gives all slices, from the first on, each time it is called."""
SMALL = 1_000_000
"""Values up to which MONAI takes torch's quantile instead of numpy's, which rounds otherwise."""
_SIGN = np.uint32(1 << 31)


def percentiles(planes: Planes, count: int, wanted: Sequence[float]) -> list[torch.Tensor]:
    """The percentiles, float32 of no dimension, with linear interpolation.

    Args:
        planes: finite values; asked for twice where they are many.
        count: how many values there are.
        wanted: 0 to 100 each.
    """
    if count <= SMALL:
        whole = torch.from_numpy(np.concatenate([np.ravel(plane) for plane in planes()]))
        return [torch.as_tensor(percentile(whole, each)) for each in wanted]
    # As numpy: a place between two neighbours in the sorted values.
    places = [(count - 1) * np.true_divide(np.asarray(each), np.float32(100)) for each in wanted]
    ranks = sorted({rank for place in places for rank in (int(place), min(int(place) + 1, count - 1))})
    values = dict(zip(ranks, in_sorted_order(planes, ranks), strict=True))
    found = []
    for place in places:
        below = int(place)
        pair = np.array([values[below], values[min(below + 1, count - 1)]], dtype=np.float32)
        found.append(torch.tensor(np.quantile(pair, np.asarray(place - below)), dtype=torch.float32))
    return found


def in_sorted_order(planes: Planes, ranks: Sequence[int]) -> list[np.float32]:
    """The values at `ranks`, counted from 0, of all sorted: the upper halves of their bits first, then the lower."""
    upper = np.zeros(2**16, dtype=np.int64)
    for plane in planes():
        upper += np.bincount(ordered_bits(plane) >> 16, minlength=2**16)
    before = np.concatenate([[0], np.cumsum(upper)])
    bins = [int(np.searchsorted(before, rank, side="right")) - 1 for rank in ranks]
    lower = {each: np.zeros(2**16, dtype=np.int64) for each in set(bins)}
    for plane in planes():
        bits = ordered_bits(plane)
        for each, counts in lower.items():
            counts += np.bincount(bits[bits >> 16 == each] & 0xFFFF, minlength=2**16)
    last = {each: np.cumsum(counts) for each, counts in lower.items()}
    low = [
        int(np.searchsorted(last[each], rank - before[each], side="right"))
        for each, rank in zip(bins, ranks, strict=True)
    ]
    return [value_of(each << 16 | rest) for each, rest in zip(bins, low, strict=True)]


def ordered_bits(values: NDArray[np.float32]) -> NDArray[np.uint32]:
    """Bits that sort as the values do; -0.0 counts as 0.0."""
    bits = np.ravel(values + np.float32(0)).view(np.uint32)
    return np.where(bits & _SIGN, ~bits, bits | _SIGN)


def value_of(bits: int) -> np.float32:
    """The inverse of `ordered_bits`."""
    plain = np.uint32(bits) ^ _SIGN if bits & int(_SIGN) else ~np.uint32(bits)
    return np.float32(np.asarray(plain, dtype=np.uint32).view(np.float32))
