"""Two layouts of the same tensors: the authors' names and shapes, and ours (diffusers').

A `Place` says where one of our tensors lies in an authors' checkpoint; a dictionary of them, our key -> place, is read
in both directions. Nothing is computed: values are only renamed, reshaped and re-ordered, so a round trip is exact to
the bit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import torch

Tensors = Mapping[str, torch.Tensor]
QKV = 3


@dataclass(frozen=True)
class Place:
    """Where one of our tensors lies.

    Attributes:
        name: of the authors' tensor.
        part: 0, 1 or 2 where theirs joins query, key and value, head by head: [heads, 3, width, channels]; else None.
        axes: how many axes of length 1 theirs has behind ours: 1x1 convolutions where we have a matrix.
    """

    name: str
    part: int | None = None
    axes: int = 0


def shapes(places: Mapping[str, Place], ours: Tensors) -> dict[str, tuple[int, ...]]:
    """The authors' tensors and their shapes, from ours (which may be on the meta device)."""
    found = {}
    for key, place in places.items():
        first, *rest = ours[key].shape
        joint = first if place.part is None else first * QKV
        found[place.name] = (joint, *rest, *(1,) * place.axes)
    return found


def to_ours(places: Mapping[str, Place], theirs: Tensors, heads: int) -> dict[str, torch.Tensor]:
    """Our tensors from theirs, which must have the names and shapes of `shapes`; float32."""
    return {key: _pick(theirs[place.name], place, heads).float() for key, place in places.items()}


def _pick(tensor: torch.Tensor, place: Place, heads: int) -> torch.Tensor:
    tensor = tensor.reshape(tensor.shape[: tensor.ndim - place.axes])
    if place.part is None:
        return tensor
    rest = tensor.shape[1:]
    # A copy of its own: safetensors does not save two views of one tensor.
    return tensor.reshape(heads, QKV, -1, *rest)[:, place.part].reshape(-1, *rest).clone()


def to_theirs(places: Mapping[str, Place], ours: Tensors, heads: int) -> dict[str, torch.Tensor]:
    """The inverse of `to_ours`."""
    groups: dict[str, list[tuple[Place, torch.Tensor]]] = defaultdict(list)
    for key, place in places.items():
        groups[place.name].append((place, ours[key]))
    return {name: _join(group, heads) for name, group in groups.items()}


def _join(group: list[tuple[Place, torch.Tensor]], heads: int) -> torch.Tensor:
    place, tensor = group[0]
    if place.part is not None:
        parts = [tensor.reshape(heads, -1, *tensor.shape[1:]) for _, tensor in sorted(group, key=_part)]
        tensor = torch.stack(parts, dim=1).flatten(0, 2)
    return tensor.reshape(*tensor.shape, *(1,) * place.axes)


def _part(entry: tuple[Place, torch.Tensor]) -> int:
    return entry[0].part or 0
