"""Everybody else's data: divided by a split.csv beside it, or by a seed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from sdseg.datasets.base import Dataset
from sdseg.datasets.layout import Files, few, stem_of
from sdseg.datasets.split import Membership, divide_seeded, read_split
from sdseg.errors import InputError
from sdseg.volume.recipe import PHOTOGRAPHS
from sdseg.volume.window import Window

USUAL_WINDOWS = {"MR": Window("percentile", 0.5, 99.5)} | {kind: Window("range", 0, 255) for kind in PHOTOGRAPHS}


class OwnDataset(Dataset):
    """Images of one's own.

    Args:
        root: the folder.
        labels: structure -> value, 1, 2, ... without gaps.
        modality: DICOM Modality of the images.
        window: (low, high) shown to the model, in values of the images: HU for CT. Pictures and MR need none.
        label_channel, label_values: how masks are read, see `Example`.
        fractions: of (training, validation, test), where there is no split.csv.
        seed: of that split.
        group_pattern: regular expression; its first group in an id is the patient. Default: each image is a group.
    """

    split_name = "split.csv"

    def __init__(
        self,
        root: str | Path,
        labels: Mapping[str, int],
        modality: str | None,
        window: Sequence[float] | None = None,
        label_channel: int | None = None,
        label_values: Mapping[int, int] | None = None,
        fractions: Sequence[float] = (0.8, 0.1, 0.1),
        seed: int = 0,
        group_pattern: str | None = None,
    ) -> None:
        self.labels = labels
        self.modality = modality
        self.windows = windows_of(modality, window)
        self.label_channel = label_channel
        self.label_values = label_values
        self.fractions = checked_fractions(fractions)
        self.seed = seed
        self.group_pattern = group_pattern
        super().__init__(root)

    def divide(self, files: Files) -> Mapping[str, Membership]:
        """As split.csv says, if there is one; else by the seed."""
        if (self.root / self.split_name).is_file():
            return self._by_file(files)
        sizes = {
            split: max(1, round(fraction * len(files))) if fraction else 0
            for split, fraction in zip(("validation", "test"), self.fractions[1:], strict=True)
        }
        self.notes.append(f"divided by seed {self.seed}; write a {self.split_name} (name,split,group) to choose.")
        return divide_seeded({name: self._group_of(name) for name in files}, sizes, self.seed)

    def _by_file(self, files: Files) -> Mapping[str, Membership]:
        table = read_split(self.root / self.split_name, stem_of)
        problems = []
        if missing := table.keys() - files.keys():
            problems.append(f"{len(missing)} names in it are missing on disk ({few(missing)})")
        if unknown := files.keys() - table.keys():
            problems.append(f"{len(unknown)} images on disk are not in it ({few(unknown)})")
        if problems:
            raise InputError(f"{self.root / self.split_name}: {' and '.join(problems)}: correct the file.")
        return table

    def _group_of(self, name: str) -> str:
        if self.group_pattern is None:
            return name
        try:
            found = re.search(self.group_pattern, name)
        except re.error as error:
            raise InputError(f"group_pattern '{self.group_pattern}' is no regular expression: {error}.") from None
        if found is None or not found.groups() or not found.group(1):
            raise InputError(
                f"group_pattern '{self.group_pattern}' finds no group in '{name}': put the patient's part of the name "
                "into parentheses, as in '^(p[0-9]+)_'."
            )
        return found.group(1)


def windows_of(modality: str | None, window: Sequence[float] | None) -> dict[str, Window]:
    """The window that is stated, or the usual one of the modality; none where there is neither."""
    if window is not None and (modality is None or len(window) != 2):
        raise InputError(f"A window is [low, high] of the modality that is stated, not {list(window)} of {modality}.")
    if window is not None and modality is not None:
        return {modality: Window("range", float(window[0]), float(window[1]))}
    return {modality: USUAL_WINDOWS[modality]} if modality in USUAL_WINDOWS else {}


def checked_fractions(fractions: Sequence[float]) -> tuple[float, ...]:
    """Three numbers from 0 to 1 with the sum 1."""
    if len(fractions) != 3 or min(fractions) < 0 or abs(sum(fractions) - 1) > 1e-6:
        raise InputError(
            f"fractions are three numbers for training, validation and test with the sum 1, not {fractions}."
        )
    return tuple(fractions)
