"""What a training on learns from: what is new, what is repeated, and what stops it early."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

import torch

from sdseg.errors import InputError
from sdseg.training.fingerprint import fingerprint
from sdseg.training.material import Material
from sdseg.training.slices import SliceStack
from sdseg.volume.example import Example


@dataclass(frozen=True)
class Division:
    """Examples in an order that follows from their content and the seed, so that it is the same when resumed.

    Attributes:
        new: labelled since the model was trained, or corrected since.
        old: what the model was trained on before, and the examples of `Material.replay`.
        kept_out: of patients by whose slices the training is stopped early.
        learnt: fingerprints of `new` and `old`.
    """

    new: tuple[Example, ...]
    old: tuple[Example, ...]
    kept_out: tuple[Example, ...]
    learnt: tuple[str, ...]


def divide(
    material: Material,
    known: Collection[str],
    val_split: float,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Division:
    """Divide the examples; those of `material.validation` take no part.

    Args:
        material: what there is.
        known: fingerprints, or their beginnings of 16 digits, of what the model was trained on.
        val_split: part of the patients in `material.train` that is kept out.
        seed: of the choice.
        progress: called with (examples read, examples).

    Raises:
        InputError: there is nothing to learn from, or a file cannot be read.
    """
    if not material.train:
        raise InputError("There is no label to learn from: submit at least one.")
    total = len(material.train) + len(material.replay)
    keys: list[str] = []
    for example in (*material.train, *material.replay):
        keys.append(fingerprint(example))
        if progress:
            progress(len(keys), total)
    train = _in_order(zip(keys, material.train, strict=False), seed)
    replay = _in_order(zip(keys[len(material.train) :], material.replay, strict=True), seed)
    held = _held_groups({example.group for example in material.train}, val_split, seed)
    learnt = [pair for pair in train if pair[1].group not in held]
    before = {name[:16] for name in known}
    new = [pair for pair in learnt if pair[0][:16] not in before] or learnt
    old = [pair for pair in learnt if pair not in new]
    old += [pair for pair in replay if pair[1].group not in held and pair[0] not in {key for key, _ in learnt}]
    return Division(
        tuple(example for _, example in new),
        tuple(example for _, example in old),
        tuple(example for _, example in train if example.group in held),
        tuple(key for key, _ in (*new, *old)),
    )


def _in_order(pairs: Iterable[tuple[str, Example]], seed: int) -> list[tuple[str, Example]]:
    return sorted(pairs, key=lambda pair: (_shuffled(pair[0], seed), pair[1].id))


def _held_groups(groups: Collection[str], val_split: float, seed: int) -> set[str]:
    """Whole patients, never all; the same ones whoever else comes along, as far as the part allows it."""
    count = min(int(len(groups) * val_split + 0.5), len(groups) - 1)
    return set(sorted(groups, key=lambda group: _shuffled(group, seed))[:count])


def _shuffled(name: str, seed: int) -> str:
    return hashlib.sha256(f"{seed} {name}".encode()).hexdigest()


def mixed(new: Sequence[SliceStack], old: Sequence[SliceStack], old_share: float) -> SliceStack:
    """All slices, the older ones with exactly `old_share` of the draws among them."""
    stacks = [stack for stack in (*new, *old) if len(stack)]
    joined = SliceStack.joined(stacks)
    first = sum(map(len, new))
    if not old_share or not 0 < first < len(joined):
        return joined
    weights = torch.ones(len(joined)) if joined.weights is None else joined.weights.clone()
    weights[:first] *= (1 - old_share) / weights[:first].sum()
    weights[first:] *= old_share / weights[first:].sum()
    return SliceStack(joined.images, joined.masks, weights)
