"""A data set everybody can get, divided by the split file that comes with this package."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sdseg.datasets.base import Dataset
from sdseg.datasets.layout import Files, few
from sdseg.datasets.split import SPLITS, Membership, committed
from sdseg.errors import InputError

HELD_OUT, NONE = "held-out", "none"


class PublicDataset(Dataset):
    """A data set whose images are known by name.

    A split of which nothing lies in the folder is left out: some sets are handed out in parts. One that lies there
    in part is refused, because scores on it could not be compared with anybody's.

    Args:
        root: the folder.
        validation: "held-out" as in the split file, or "none": its validation images are trained on.
        incomplete: take splits that lie in the folder in part.
    """

    split_file: str

    def __init__(self, root: str | Path, validation: str = HELD_OUT, incomplete: bool = False) -> None:
        if validation not in (HELD_OUT, NONE):
            raise InputError(f"{self.name}: validation is '{HELD_OUT}' or '{NONE}', not '{validation}'.")
        self.validation = validation
        self.incomplete = incomplete
        super().__init__(root)

    def divide(self, files: Files) -> Mapping[str, Membership]:
        """As the split file says; InputError counts and names the images that it does not know or that lack."""
        table = committed(self.split_file)
        problems = [problem for split in SPLITS if (problem := self._lacking(split, table, files))]
        if unknown := files.keys() - table.keys():
            problems.append(f"{len(unknown)} images on disk are not in its split file ({few(unknown)})")
        if problems:
            raise InputError(
                f"{self.root} is not the {self.name} that {self.split_file} divides: {'; '.join(problems)}. Give the "
                "original files; to do without those that are missing, say incomplete: true."
            )
        return {name: self._merged(table[name]) for name in files}

    def _lacking(self, split: str, table: Mapping[str, Membership], files: Files) -> str | None:
        listed = [name for name, membership in table.items() if membership.split == split]
        missing = [name for name in listed if name not in files]
        if not missing:
            return None
        if len(missing) == len(listed) and len(files):
            self.notes.append(f"none of the {len(listed)} {split} images is here.")
            return None
        if self.incomplete:
            self.notes.append(f"{len(missing)} of {len(listed)} {split} images are missing ({few(missing)}).")
            return None
        return f"{len(missing)} of {len(listed)} {split} images are missing ({few(missing)})"

    def _merged(self, membership: Membership) -> Membership:
        if membership.split == "validation" and self.validation == NONE:
            return Membership("train", membership.group)
        return membership
