"""Dropout that belongs to an example, not to a process: what is dropped follows from the example's seed."""

from __future__ import annotations

from collections.abc import Sequence

import torch

_BITS = 0xFFFFFFFF


class SeededDropout(torch.nn.Module):
    """What `torch.nn.Dropout` does, its mask a function of the example's seed, the layer and the place.

    Processes that share out a batch, micro-batches and recomputed activations therefore drop the same.

    Args:
        p: how much is dropped, from 0 to below 1.
        layer: its number, so that no two layers drop the same places.
    """

    def __init__(self, p: float, layer: int) -> None:
        super().__init__()
        self.p = p
        self.layer = layer
        self.seeds: tuple[int, ...] = ()

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """(batch, ...) with some places zero and the others scaled up; as it is outside training."""
        if not self.training:
            return values
        if len(values) != len(self.seeds):
            raise ValueError(f"{len(values)} examples came with {len(self.seeds)} seeds")
        kept = self._uniform(values[0].numel(), values.device) >= self.p
        return values * kept.view(values.shape) / (1 - self.p)

    def _uniform(self, count: int, device: torch.device) -> torch.Tensor:
        """(batch, count) float32 in [0, 1): the integer hash "lowbias32" of place, seed and layer."""
        starts = torch.tensor([(seed ^ (seed >> 32) ^ self.layer * 0x9E3779B9) & _BITS for seed in self.seeds])
        hashed = _hash(starts.to(device)[:, None] + _hash(torch.arange(1, count + 1, device=device)) & _BITS)
        return (hashed >> 8).float() / 2**24


def _hash(x: torch.Tensor) -> torch.Tensor:
    """int64 holding 32 bits -> the same, mixed."""
    x = (x ^ (x >> 16)) * 0x7FEB352D & _BITS
    x = (x ^ (x >> 15)) * 0x846CA68B & _BITS
    return x ^ (x >> 16)


class Dropouts:
    """All dropout of a module, replaced by dropout that follows the examples' seeds.

    Args:
        module: whose `torch.nn.Dropout` children are replaced, those that drop nothing left out.
    """

    def __init__(self, module: torch.nn.Module) -> None:
        self._layers: list[SeededDropout] = []
        for parent in list(module.modules()):
            for name, child in list(parent.named_children()):
                if type(child) is torch.nn.Dropout and child.p:
                    self._layers.append(SeededDropout(child.p, len(self._layers)).train(child.training))
                    setattr(parent, name, self._layers[-1])
                elif isinstance(child, SeededDropout):  # of a stage before
                    self._layers.append(child)

    def follow(self, seeds: Sequence[int]) -> None:
        """From now on the examples are those of `seeds`."""
        for layer in self._layers:
            layer.seeds = tuple(seeds)
