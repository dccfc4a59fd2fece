"""Batches for training: what is in the n-th one follows from the seed, n and the slices' weights alone.

So a run that is resumed goes on with the batches it would have had, and several processes share out exactly the
batch that one would have had.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from monai.transforms import Compose
from torch.utils.data import DataLoader, Dataset, Sampler

from sdseg.training.chances import Chances
from sdseg.training.draws import Draws, seed_of
from sdseg.training.learner import Batch
from sdseg.training.slices import SliceStack
from sdseg.volume.slices import to_three_channels

Key = tuple[int, int]  # index of the slice, seed of everything random about it
Item = tuple[torch.Tensor, torch.Tensor, int, int]
_Stacked = tuple[torch.Tensor, torch.Tensor, tuple[int, ...], tuple[int, ...]]


@dataclass(frozen=True)
class Share:
    """The part of each step's batch that one process works on, in micro-batches.

    Attributes:
        batch_size: slices a step, of all processes together.
        processes: how many there are.
        rank: of this one.
        accumulate: micro-batches a step.
    """

    batch_size: int
    processes: int = 1
    rank: int = 0
    accumulate: int = 1

    def __post_init__(self) -> None:
        if self.batch_size % (self.processes * self.accumulate):
            raise ValueError(
                f"a batch of {self.batch_size} cannot be divided among {self.processes} processes "
                f"and {self.accumulate} micro-batches"
            )

    def places(self) -> Iterator[range]:
        """Places in the batch, one range a micro-batch."""
        size = self.batch_size // (self.processes * self.accumulate)
        for micro in range(self.accumulate):
            first = (micro * self.processes + self.rank) * size
            yield range(first, first + size)


class _Keys(Sampler[list[Key]]):
    """Micro-batches of keys from one step on, without end: each pass over the slices in a new order."""

    def __init__(self, chances: Chances, share: Share, seed: int, first_step: int) -> None:
        self._chances = chances
        self._slices = len(chances)
        self._share = share
        self._seed = seed
        self._first_step = first_step
        self._order = lru_cache(maxsize=2)(self._shuffle)

    def __iter__(self) -> Iterator[list[Key]]:
        step = self._first_step
        while True:
            for places in self._share.places():
                yield [self._key(step, place) for place in places]
            step += 1

    def _key(self, step: int, place: int) -> Key:
        epoch, position = divmod(step * self._share.batch_size + place, self._slices)
        return self._order(epoch)[position], seed_of(self._seed, step, place)

    def _shuffle(self, epoch: int) -> list[int]:
        generator = torch.Generator().manual_seed(seed_of(self._seed, -1, epoch))
        order = torch.randperm(self._slices, generator=generator)
        return self._chances.drawn(epoch)[order].tolist()


class _Slices(Dataset[Item]):
    """The augmented slice of a key."""

    def __init__(self, stack: SliceStack, augmentation: Compose | None) -> None:
        self._stack = stack
        self._augmentation = augmentation

    def __getitem__(self, key: Any) -> Item:
        index, seed = key
        image, mask = self._stack.images[index], self._stack.masks[index]
        if self._augmentation is None:
            return image, mask, index, seed
        self._augmentation.set_random_state(seed=seed % 2**32)
        result = self._augmentation({"image": image, "label": mask.float()})
        label = torch.as_tensor(result["label"]).round().to(torch.uint8)
        return torch.as_tensor(result["image"]).clamp(-1, 1), label, index, seed


class Batches:
    """Endless micro-batches of augmented slices on a device.

    Args:
        stack: all slices.
        augmentation: of `build_augmentation`.
        share: batch size, and this process' part of it.
        seed: of order, augmentation and draws.
        device: torch device.
        workers: processes that load and augment; 0: this one.
    """

    def __init__(
        self,
        stack: SliceStack,
        augmentation: Compose | None,
        share: Share,
        seed: int,
        device: torch.device | str = "cpu",
        workers: int = 0,
    ) -> None:
        self._slices = _Slices(stack, augmentation)
        self._chances = Chances(stack.weights if stack.weights is not None else torch.ones(len(stack)))
        self._share = share
        self._seed = seed
        self._device = torch.device(device)
        self._workers = workers

    def start(self, step: int = 0) -> Iterator[Batch]:
        """Micro-batches from step `step` (counted from 0) on, `accumulate` a step."""
        loader = DataLoader(
            self._slices,
            batch_sampler=_Keys(self._chances, self._share, self._seed, step),
            collate_fn=_stack,
            num_workers=self._workers,
            pin_memory=self._device.type == "cuda",
        )
        return map(self._batch, loader)

    def _batch(self, stacked: _Stacked) -> Batch:
        images, masks, indices, seeds = stacked
        images = to_three_channels(images.to(self._device, non_blocking=True))
        return Batch(images, masks.to(self._device, non_blocking=True), indices, Draws(seeds))


def _stack(items: list[Item]) -> _Stacked:
    images, masks, indices, seeds = zip(*items, strict=True)
    return torch.stack(images), torch.stack(masks), indices, seeds
