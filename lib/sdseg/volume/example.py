"""A labelled image: what training learns from and evaluation is measured against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sdseg.errors import InputError


@dataclass(frozen=True)
class Example:
    """One image and its mask on the same grid.

    Attributes:
        id: unique in its data set; sorts the examples.
        image: DICOM folder, NIfTI, NRRD or picture.
        label: mask of the image.
        modality: DICOM Modality, where the file does not say.
        group: patient or video; examples of one group are never split between training and test. Default: the id.
        label_channel: which channel of a mask picture holds the label (0 is the first, and the only one of a grey
            picture), its values as stored, without a threshold; None: the picture is read as a grey or binary mask.
        label_values: value in the mask -> value of the label; values not named are background. None: as they are.
        ignored: value in the mask of voxels that nobody labelled; a slice that holds one is not trained on. None: the
            mask says something of every voxel.
        changed: a mask on the same grid, not 0 where an annotator changed a prediction; None where that is not known.
        weight: how much it counts beside the others, more than 0.

    Raises:
        InputError: no id, a channel below 0, label values outside 0..255, or a weight of 0 or less.
    """

    id: str
    image: Path
    label: Path
    modality: str | None = None
    group: str = ""
    label_channel: int | None = None
    label_values: Mapping[int, int] | None = field(default=None, hash=False)
    ignored: int | None = None
    changed: Path | None = None
    weight: float = 1.0

    def __post_init__(self) -> None:
        if not self.id:
            raise InputError(f"The example with the image {self.image} needs an id.")
        if self.label_channel is not None and self.label_channel < 0:
            raise InputError(f"label_channel counts from 0, so it cannot be {self.label_channel}.")
        if self.label_values is not None:
            values = [*self.label_values, *self.label_values.values()]
            odd = [value for value in values if not 0 <= value <= 255]
            if odd or not values:
                raise InputError(f"label_values must name values from 0 to 255, not {odd or 'none at all'}.")
        if not self.weight > 0:
            raise InputError(f"The weight of an example must be more than 0, not {self.weight}.")
        if not self.group:
            object.__setattr__(self, "group", self.id)
