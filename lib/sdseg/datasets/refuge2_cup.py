"""REFUGE2 (Orlando et al., 2020; Fang et al., 2022): the optic cup on pictures cropped to the optic disc."""

from __future__ import annotations

from sdseg.datasets.layout import Files, two_folders
from sdseg.datasets.photographs import OPHTHALMIC
from sdseg.datasets.public import PublicDataset
from sdseg.datasets.split import Membership, divide_seeded

NAMES = {"g": 40, "n": 360, "V": 400, "T": 400}
"""First letter of the pictures -> how many: glaucoma, none, validation and test of the challenge."""

CUP = {"optic cup": 1}
FULL = {255: 1}
VALIDATION = 80


class Refuge2Cup(PublicDataset):
    """800 / 400 pictures as in the paper; 80 of the 800 are held out for validation unless `validation: none`.

    The release does not say which pictures show one patient, so each is a group.
    """

    name = "refuge2-cup"
    layout = "images/*.png and masks/*.png with the same names (g0001, n0001, V0001, T0001, ...), cropped to the disc"
    split_file = "refuge2-cup.csv"
    labels = CUP
    modality = "OP"
    windows = OPHTHALMIC
    # The second channel of a mask is 255 in the cup.
    label_channel = 1
    label_values = FULL

    def find(self) -> Files:
        """PNG pictures in images/ and masks/."""
        return two_folders(self.name, self.layout, self.root, "images", "masks", (".png",))


def make_splits() -> dict[str, dict[str, Membership]]:
    """The committed split file, from its seed: what starts with T is for the test."""
    names = [f"{letter}{number:04d}" for letter, count in NAMES.items() for number in range(1, count + 1)]
    split = divide_seeded({name: name for name in names if name[0] != "T"}, {"validation": VALIDATION}, seed=0)
    return {"refuge2-cup.csv": split | {name: Membership("test", name) for name in names if name[0] == "T"}}
