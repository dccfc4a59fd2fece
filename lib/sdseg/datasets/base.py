"""What every data set is: labelled images of one modality, each of them in one split."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from sdseg.datasets.layout import Files, few
from sdseg.datasets.split import SPLITS, Membership, straddling
from sdseg.errors import InputError, UnknownNameError
from sdseg.volume.example import Example
from sdseg.volume.window import Window


class Dataset(ABC):
    """A data set in a folder; one that exists has every image, mask and split in order.

    Attributes:
        name: as `open_dataset` knows it.
        layout: what the folder has to hold, in one line.
        root: the folder.
        labels: structure -> value in the masks as `load_labelmap_of` gives them; 1, 2, ... without gaps.
        modality: DICOM Modality of the images, where their files do not say; None: every file says it.
        label_channel, label_values: how masks are read, see `Example`.
        groups_straddle: True where a split by image is asked for although several images show one patient.
        notes: what a user should know about this copy, one sentence each.

    Raises (all constructors):
        InputError: the folder does not hold what it should; the message says what was expected and what was found.
    """

    name: ClassVar[str]
    layout: ClassVar[str]
    labels: Mapping[str, int]
    modality: str | None
    windows: Mapping[str, Window]
    label_channel: int | None = None
    label_values: Mapping[int, int] | None = None
    groups_straddle: bool = False

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)
        self.notes: list[str] = []
        self._check_labels()
        files = self.find()
        memberships = self.divide(files)
        self._check_groups(memberships)
        self._examples = {
            split: tuple(
                self._example(name, *files[name], memberships[name].group)
                for name in sorted(files)
                if memberships[name].split == split
            )
            for split in SPLITS
        }

    @abstractmethod
    def find(self) -> Files:
        """The images and their masks on disk, by id."""

    @abstractmethod
    def divide(self, files: Files) -> Mapping[str, Membership]:
        """Split and group of every id in `files`."""

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that hold images here, in the order of training, validation, test."""
        return tuple(split for split in SPLITS if self._examples[split])

    @property
    def recipe_windows(self) -> Mapping[str, Window]:
        """DICOM Modality -> Window, for the `Recipe`; InputError where nobody has stated one."""
        if not self.windows:
            what = f"the window of {self.modality}" if self.modality else "the modality and its window"
            raise InputError(f"{self.name} at {self.root}: state {what}, as in window: [-160, 240].")
        return self.windows

    def examples(self, split: str) -> tuple[Example, ...]:
        """The examples of "train", "validation" or "test", sorted by id.

        Raises:
            UnknownNameError: no such split.
            InputError: the split is empty here; `splits` tells beforehand.
        """
        if split not in SPLITS:
            raise UnknownNameError(f"There is no split '{split}': choose one of {', '.join(SPLITS)}.")
        if not self._examples[split]:
            raise InputError(
                f"{self.name} at {self.root} holds no {split} images, only {' and '.join(self.splits)}: "
                "choose another split, or give the whole data set."
            )
        return self._examples[split]

    def describe(self) -> str:
        """A few lines for people: what is here, how it is divided, what to know about it."""
        lines = [f"{self.name} at {self.root}"]
        for split, examples in self._examples.items():
            groups = len({example.group for example in examples})
            lines.append(f"  {split}: {len(examples)} images" + (f" of {groups} groups" if groups else ""))
        lines.append(f"  labels: {', '.join(f'{name} = {value}' for name, value in self.labels.items())}")
        lines.append(f"  modality: {self.modality or 'as the files say'}")
        return "\n".join([*lines, *(f"  note: {note}" for note in self.notes)])

    def _example(self, name: str, image: Path, label: Path, group: str) -> Example:
        return Example(name, image, label, self.modality, group, self.label_channel, self.label_values)

    def _check_labels(self) -> None:
        if not self.labels or sorted(self.labels.values()) != list(range(1, len(self.labels) + 1)):
            raise InputError(f"Label values must run from 1 without gaps, not {dict(self.labels)}.")

    def _check_groups(self, memberships: Mapping[str, Membership]) -> None:
        groups = straddling(memberships)
        if not groups:
            return
        if not self.groups_straddle:
            raise InputError(
                f"{self.name} at {self.root}: group {few(groups)} lies in more than one split, so a test would know "
                "its patients from training: put each group into one split."
            )
        self.notes.append(
            f"{len(groups)} groups lie in more than one split: the test shows what training has seen from nearby, "
            "and its scores are too good."
        )
