"""BTCV (Landman et al., 2015; "Synapse"): 30 labelled abdominal CT volumes, 13 organs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from sdseg.datasets.layout import VOLUMES, Files, by_id, first_folder, pair_up, unexpected
from sdseg.datasets.public import HELD_OUT, PublicDataset
from sdseg.datasets.split import Membership, divide_seeded
from sdseg.errors import InputError
from sdseg.volume.window import Window

ORGANS = (
    *("spleen", "right kidney", "left kidney", "gallbladder", "esophagus", "liver", "stomach", "aorta"),
    *("inferior vena cava", "portal and splenic vein", "pancreas", "right adrenal gland", "left adrenal gland"),
)
"""The value of an organ in the label files is its place here, from 1."""

EIGHT = (1, 2, 3, 4, 6, 7, 8, 11)
"""What the authors' code keeps of them."""

UNION = "abdominal organs"
TRAINED = (*range(1, 11), *range(21, 41))
TEST = (1, 2, 3, 4, 8, 22, 25, 29, 32, 35, 36, 38)
VALIDATION = 3
WINDOWS = {"CT": Window("range", -125, 275)}
"""HU; one window for training and test."""


class Btcv(PublicDataset):
    """18 / 12 volumes as in the paper; 3 of the 18 are held out for validation unless `validation: none`.

    Args:
        classes: "13": all organs; "8": those of the authors' code; "union": all 13 as one; "union-8": those 8 as one.
    """

    name = "btcv"
    layout = "img/img0001.nii.gz and label/label0001.nii.gz (or imagesTr/ and labelsTr/), here or in RawData/Training/"
    split_file = "btcv.csv"
    modality = "CT"
    windows = WINDOWS

    def __init__(
        self, root: str | Path, classes: str | int = "13", validation: str = HELD_OUT, incomplete: bool = False
    ) -> None:
        self.labels, self.label_values = labels_of(str(classes))
        super().__init__(root, validation, incomplete)

    def find(self) -> Files:
        """Volumes by their four digits."""
        places = [self.root, self.root / "Training", self.root / "RawData" / "Training"]
        images = first_folder(places, ["img", "imagesTr"])
        masks = first_folder([images.parent] if images else [], ["label", "labelsTr"])
        if images is None or masks is None:
            raise unexpected(self.name, self.root, self.layout)
        found = by_id(images, VOLUMES, number_in), by_id(masks, VOLUMES, number_in)
        if not all(found):
            raise unexpected(self.name, self.root, self.layout, [images, masks])
        return pair_up(self.root, *found)


def number_in(name: str) -> str | None:
    """ "img0001" or "label0001" -> "0001"; None for names of another kind."""
    found = re.fullmatch(r"(?:img|label)(\d{4})", name)
    return found.group(1) if found else None


def labels_of(classes: str) -> tuple[Mapping[str, int], Mapping[int, int] | None]:
    """Labels and `label_values` of an option; InputError for another word."""
    kept = {"13": range(1, 14), "union": range(1, 14), "8": EIGHT, "union-8": EIGHT}.get(classes)
    if kept is None:
        raise InputError(f"btcv: classes is 13, 8, union or union-8, not '{classes}'.")
    if classes.startswith("union"):
        return {UNION: 1}, dict.fromkeys(kept, 1)
    values = {value: place for place, value in enumerate(kept, start=1)}
    return {ORGANS[value - 1]: place for value, place in values.items()}, values


def make_splits() -> dict[str, dict[str, Membership]]:
    """The committed split file: the paper's test volumes, and a seeded validation part of the others."""
    train = {f"{number:04d}": f"{number:04d}" for number in TRAINED if number not in TEST}
    split = divide_seeded(train, {"validation": VALIDATION}, seed=0)
    return {"btcv.csv": split | {f"{number:04d}": Membership("test", f"{number:04d}") for number in TEST}}
