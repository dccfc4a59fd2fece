"""STS-3D (Wang et al., 2025): teeth on cone-beam CT, the 12 labelled volumes of the 2023 challenge."""

from __future__ import annotations

from sdseg.datasets.layout import VOLUMES, Files, by_id, first_folder, pair_up, unexpected
from sdseg.datasets.public import PublicDataset
from sdseg.datasets.split import Membership, divide_seeded
from sdseg.volume.window import Window

NAMES = [f"Teeth_{number:04d}_0000" for number in range(1, 13)]
TEST = NAMES[9:]
VALIDATION = 1
TOOTH = {"tooth": 1}
WINDOWS = {"CT": Window("range", -100, 1100)}
"""HU: width 1200, level 500."""


class Sts3d(PublicDataset):
    """9 / 3 volumes as in the paper; one of the 9 is held out for validation unless `validation: none`."""

    name = "sts-3d"
    layout = "image/Teeth_0001_0000.nii.gz and label/ with the same names, here or in labelled/"
    split_file = "sts-3d.csv"
    labels = TOOTH
    modality = "CT"
    windows = WINDOWS
    # Whatever number a tooth has, it is tooth.
    label_values = dict.fromkeys(range(1, 256), 1)

    def find(self) -> Files:
        """Volumes by name, as the challenge handed them out."""
        places = [self.root, self.root / "labelled"]
        images, masks = first_folder(places, ["image"]), first_folder(places, ["label"])
        if images is None or masks is None:
            raise unexpected(self.name, self.root, self.layout)
        found = by_id(images, VOLUMES), by_id(masks, VOLUMES)
        if not all(found):
            raise unexpected(self.name, self.root, self.layout, [images, masks])
        return pair_up(self.root, *found)


def make_splits() -> dict[str, dict[str, Membership]]:
    """The committed split file: the authors' three test volumes, and a seeded validation volume of the others."""
    split = divide_seeded({name: name for name in NAMES if name not in TEST}, {"validation": VALIDATION}, seed=0)
    return {"sts-3d.csv": split | {name: Membership("test", name) for name in TEST}}
