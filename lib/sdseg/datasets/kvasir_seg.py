"""Kvasir-SEG (Jha et al., 2020): 1,000 polyps in colonoscopy, JPEG pictures and masks."""

from __future__ import annotations

from sdseg.datasets.layout import Files, two_folders
from sdseg.datasets.photographs import ENDOSCOPY, POLYP
from sdseg.datasets.public import PublicDataset


class KvasirSeg(PublicDataset):
    """800 / 100 / 100 images; each is a group, because the release does not say which show one patient."""

    name = "kvasir-seg"
    layout = "images/*.jpg and masks/*.jpg with the same names"
    split_file = "kvasir-seg.csv"
    labels = POLYP
    modality = "ES"
    windows = ENDOSCOPY

    def find(self) -> Files:
        """JPEG pictures in images/ and masks/; what is lighter than 127 in a mask is polyp."""
        return two_folders(self.name, self.layout, self.root, "images", "masks", (".jpg", ".jpeg"))
