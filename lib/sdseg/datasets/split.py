"""Which images are for training, validation and test: split files, and seeded splits that keep groups together."""

from __future__ import annotations

import csv
import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

from sdseg.errors import InputError

SPLITS = ("train", "validation", "test")
ALIASES = {"val": "validation", "training": "train", "testing": "test"}


@dataclass(frozen=True)
class Membership:
    """Where an image belongs: its split, and the patient or video it shows."""

    split: str
    group: str


def committed(name: str) -> dict[str, Membership]:
    """The split file of that name that comes with this package."""
    return read_split(files("sdseg.datasets") / "splits" / name)


def read_split(source: Traversable, id_of: Callable[[str], str] = str) -> dict[str, Membership]:
    """A CSV file with the columns name, split and, where images belong together, group.

    Args:
        source: the file.
        id_of: name in the file -> id of the image.

    Raises:
        InputError: not such a file, a name twice, or a split of another name; the message names the line.
    """
    try:
        rows = list(csv.DictReader(source.read_text(encoding="utf-8-sig").splitlines()))
    except (UnicodeDecodeError, csv.Error):
        raise InputError(f"{source} is no CSV text: give the columns name,split[,group].") from None
    if not rows or not {"name", "split"} <= rows[0].keys():
        raise InputError(f"{source} has no lines with the columns name,split[,group].")
    found: dict[str, Membership] = {}
    for line, row in enumerate(rows, start=2):
        name, word = id_of((row["name"] or "").strip()), (row["split"] or "").strip().lower()
        split = ALIASES.get(word, word)
        if not name or split not in SPLITS:
            raise InputError(f"{source}, line {line}: '{name},{word}' is no name and one of {', '.join(SPLITS)}.")
        if name in found:
            raise InputError(f"{source}, line {line}: {name} is named twice.")
        found[name] = Membership(split, (row.get("group") or "").strip() or name)
    return found


def write_split(memberships: Mapping[str, Membership]) -> str:
    """The text of a split file, sorted by name."""
    lines = [f"{name},{memberships[name].split},{memberships[name].group}" for name in sorted(memberships)]
    return "\n".join(["name,split,group", *lines, ""])


def straddling(memberships: Mapping[str, Membership]) -> list[str]:
    """The groups that lie in more than one split, sorted."""
    splits = defaultdict(set)
    for membership in memberships.values():
        splits[membership.group].add(membership.split)
    return sorted(group for group, found in splits.items() if len(found) > 1)


def divide_seeded(groups: Mapping[str, str], sizes: Mapping[str, int], seed: int) -> dict[str, Membership]:
    """A split that depends on nothing but the names, the sizes and the seed.

    Groups are put in the order of a hash of their name, and each split takes every next group that still fits; where
    none fits, the smallest one. So a split is at most as large as asked for, unless one group alone is larger.

    Args:
        groups: name -> group.
        sizes: split -> how many names; what is left is for training.
        seed: another seed, another split.

    Raises:
        InputError: nothing is left for training, or there are fewer groups than splits.
    """
    members = defaultdict(list)
    for name in sorted(groups):
        members[groups[name]].append(name)
    order = sorted(members, key=lambda group: hashlib.sha256(f"{seed}:{group}".encode()).digest())
    assigned: dict[str, str] = {}
    for split in reversed(SPLITS[1:]):
        free = {group: len(members[group]) for group in order if group not in assigned}
        assigned.update(dict.fromkeys(_choose(free, sizes.get(split, 0)), split))
    if len(assigned) == len(members):
        raise InputError(
            f"{len(members)} groups are too few for training, validation and test: give more, or fewer splits."
        )
    return {name: Membership(assigned.get(group, "train"), group) for name, group in groups.items()}


def _choose(free: Mapping[str, int], size: int) -> list[str]:
    """Groups whose sizes add up to `size` at most; one at least, where `size` is not 0."""
    chosen, left = [], size
    for group, count in free.items():
        if count <= left:
            chosen.append(group)
            left -= count
    return chosen or sorted(free, key=lambda group: free[group])[: min(size, 1)]
