"""One figure about one case: a row of the report's CSV file, from which its tables are made."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sdseg.evaluation.overlap import Outcome

MEAN_OF_STRUCTURES = "mean of structures"


class Level(StrEnum):
    """Over what a figure is taken."""

    IMAGE = "image"  # one slice, or one picture
    VOLUME = "volume"  # all slices of a case


class Metric(StrEnum):
    """What is measured."""

    DICE = "dice"
    IOU = "iou"
    AUTHORS_DICE = "authors_dice"
    HD95 = "hd95"
    SURFACE_DICE = "surface_dice"


@dataclass(frozen=True)
class Score:
    """A figure.

    Attributes:
        case: id of the example.
        group: patient or video it belongs to.
        model: name in the report.
        steps: of the reverse process.
        structure: name of the label, or MEAN_OF_STRUCTURES.
        level: image or volume.
        slice: number of the slice from 0; None for a volume.
        metric: what was measured.
        value: None where there is nothing to score.
        outcome: which mask held the structure.
    """

    case: str
    group: str
    model: str
    steps: int
    structure: str
    level: Level
    slice: int | None
    metric: Metric
    value: float | None
    outcome: Outcome

    @property
    def item(self) -> tuple[str, int | None]:
        """What two models can be compared on."""
        return self.case, self.slice
