"""A folder of volumes and their labels, also in the layout of nnU-Net."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sdseg.datasets.layout import SEG, VOLUMES, Files, by_id, first_folder, pair_up, unexpected
from sdseg.datasets.own import OwnDataset
from sdseg.errors import InputError

CHANNEL = re.compile(r"^(.+)_(\d{4})$")


class Volumes(OwnDataset):
    """images/ and labels/, or nnU-Net's imagesTr/ and labelsTr/ with its dataset.json.

    A case is a NIfTI, NRRD or MetaImage file, or a folder with one DICOM series; its label has the same name and may
    be a DICOM SEG (.dcm) there. `labels` may be left out where dataset.json has them.
    """

    name = "volumes"
    layout = (
        "images/ and labels/ (or imagesTr/ and labelsTr/) with NIfTI, NRRD or MetaImage files of the same names, or "
        "images/<case>/ with a DICOM series each"
    )

    def __init__(
        self, root: str | Path, labels: Mapping[str, int] | None = None, modality: str | None = None, **options: Any
    ) -> None:
        named = labels or labels_of(Path(root) / "dataset.json")
        if not named:
            raise InputError(f"{self.name} at {root}: name the labels, as in labels: {{liver: 1, spleen: 2}}.")
        super().__init__(root, named, modality, **options)

    def find(self) -> Files:
        """Cases by name; nnU-Net's channel number is taken off, and there may be one channel only."""
        images = first_folder([self.root], ["images", "imagesTr"])
        masks = first_folder([self.root], ["labels", "labelsTr"])
        if images is None or masks is None:
            raise unexpected(self.name, self.root, self.layout)
        cases = by_id(images, VOLUMES, first_channel if images.name == "imagesTr" else str, folders=True)
        labels = by_id(masks, (*VOLUMES, SEG))
        if not cases or not labels:
            raise unexpected(self.name, self.root, self.layout, [images, masks])
        return pair_up(self.root, cases, labels)


def first_channel(name: str) -> str:
    """ "liver_003_0000" -> "liver_003"; InputError for another channel."""
    found = CHANNEL.match(name)
    if found and found.group(2) != "0000":
        raise InputError(f"{name} is a second channel: give volumes of one channel.")
    return found.group(1) if found else name


def labels_of(path: Path) -> dict[str, int]:
    """The labels in nnU-Net's dataset.json, of either version, without the background; none where there is no file."""
    if not path.is_file():
        return {}
    try:
        labels = json.loads(path.read_text())["labels"]
        pairs = [(name, value) if isinstance(value, int) else (value, int(name)) for name, value in labels.items()]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InputError(f"{path} does not name labels as nnU-Net does, {{name: value}}: state them instead.") from None
    return {str(name): value for name, value in pairs if value}
