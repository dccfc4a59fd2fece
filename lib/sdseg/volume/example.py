"""A labelled image: what training learns from and evaluation is measured against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Example:
    """One image and its mask on the same grid.

    Attributes:
        id: unique in its data set; sorts the examples.
        image: DICOM folder, NIfTI, NRRD or picture.
        label: mask of the image.
        modality: DICOM Modality, where the file does not say.
        group: patient or video; examples of one group are never split between training and test. Default: the id.
        label_channel: which channel of a colour mask holds the label, its values as stored; None: the mask is grey.
        label_values: value in the mask -> value of the label; values not named are background. None: as they are.
    """

    id: str
    image: Path
    label: Path
    modality: str | None = None
    group: str = ""
    label_channel: int | None = None
    label_values: Mapping[int, int] | None = field(default=None, hash=False)

    def __post_init__(self) -> None:
        if not self.group:
            object.__setattr__(self, "group", self.id)
