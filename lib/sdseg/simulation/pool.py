"""The images that may be asked for, and the ones by which every model is measured: slices with their truth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch

from sdseg.errors import InputError
from sdseg.training.slices import SliceStack
from sdseg.volume.example import Example

Loader = Callable[[Example], SliceStack]


@dataclass(frozen=True)
class Pool:
    """Slices of volumes, or pictures, in the model's grid.

    Attributes:
        stack: images and truth.
        names: of each slice, unique: its example's id, and `#` and the number of the slice where it has several.
        cases: id of the example of each slice.
        groups: patient of each slice.
        labels: structure -> value in the truth.
    """

    stack: SliceStack
    names: tuple[str, ...]
    cases: tuple[str, ...]
    groups: tuple[str, ...]
    labels: Mapping[str, int]

    def __len__(self) -> int:
        return len(self.names)

    def images(self, chosen: Sequence[int]) -> torch.Tensor:
        """(slices, 1 or 3, i, j) of the chosen ones."""
        return self.stack.images[list(chosen)]

    def truth(self, chosen: Sequence[int]) -> torch.Tensor:
        """(slices, 1, i, j) uint8 label values of the chosen ones."""
        return self.stack.masks[list(chosen)]

    def places(self, names: Sequence[str]) -> list[int]:
        """Where the slices of these names are."""
        where = {name: place for place, name in enumerate(self.names)}
        return [where[name] for name in names]

    @property
    def patients(self) -> dict[str, str]:
        """The patient of each case."""
        return dict(zip(self.cases, self.groups, strict=True))

    def holding(self) -> torch.Tensor:
        """(slices,) bool: the truth holds anything."""
        return (self.stack.masks > 0).flatten(1).any(dim=1)


def make_pool(
    examples: Sequence[Example],
    load: Loader,
    labels: Mapping[str, int],
    progress: Callable[[int, int], None] | None = None,
) -> Pool:
    """All slices of the examples.

    Args:
        examples: at least one.
        load: gives the slices of one example.
        labels: structure -> value.
        progress: called with (examples done, examples).

    Raises:
        InputError: two examples have the same id, or no mask holds anything.
    """
    if len({example.id for example in examples}) < len(examples):
        raise InputError("Two images of the data have the same id: list each image once.")
    stacks, names, cases, groups = [], [], [], []
    for done, example in enumerate(examples, 1):
        stack = load(example)
        stacks.append(stack)
        single = len(stack) == 1
        names += [example.id] if single else [f"{example.id}#{number}" for number in range(len(stack))]
        cases += [example.id] * len(stack)
        groups += [example.group] * len(stack)
        if progress:
            progress(done, len(examples))
    whole = SliceStack.joined(stacks)
    if not whole.masks.any():
        raise InputError("No mask of the data holds anything: there is nothing to learn, or to measure by.")
    return Pool(SliceStack(whole.images, whole.masks), tuple(names), tuple(cases), tuple(groups), dict(labels))
