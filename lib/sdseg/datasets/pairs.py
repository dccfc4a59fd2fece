"""A folder of pictures and their masks."""

from __future__ import annotations

from sdseg.datasets.layout import Files, two_folders
from sdseg.datasets.own import OwnDataset
from sdseg.volume.volume_files import PICTURES


class Pairs(OwnDataset):
    """images/ and masks/ with the same names, PNG, JPEG, BMP or TIFF, the suffixes as they come."""

    name = "pairs"
    layout = "images/ and masks/ with pictures of the same names (a.png or a.jpg and a.png), and perhaps split.csv"

    def find(self) -> Files:
        """Pictures in images/ and masks/, by name without suffix."""
        return two_folders(self.name, self.layout, self.root, "images", "masks", PICTURES)
