"""What a weights folder says about itself: labels, recipe, provenance."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sdseg.dicom.codes import Structure
from sdseg.dicom.own_structures import parse_structures
from sdseg.errors import WeightsError
from sdseg.model.card_file import CARD_FILE, card_in
from sdseg.model.kinds import SDSEG
from sdseg.model.region import Region
from sdseg.volume.recipe import Recipe


@dataclass(frozen=True)
class ModelCard:
    """The facts inference needs beside the weights, and the ones a reader should be told.

    Attributes:
        name: of the model, e.g. "brain-small".
        preset: its size.
        labels: structure name -> value in the labelmap; contiguous from 1. For a class-conditional model the value
            is the class id, and 0 the background.
        recipe: how images are preprocessed.
        training: provenance: command, data, seed, steps, software; free-form.
        kind: of the model: "sdseg" or a rival.
        structures: codes of labels that the table of structures lacks, as in a file of structures
            (docs/structures.md).
        region: what of an image is computed; None: everything (docs/region.md).
    """

    name: str
    preset: str
    labels: dict[str, int]
    recipe: Recipe
    training: dict[str, Any] = field(default_factory=dict)
    kind: str = SDSEG
    structures: dict[str, Any] = field(default_factory=dict)
    region: Region | None = None

    def __post_init__(self) -> None:
        if not self.labels or sorted(self.labels.values()) != list(range(1, len(self.labels) + 1)):
            raise WeightsError(f"Label values must run from 1 without gaps, not {self.labels}.")
        self.own_structures()

    def own_structures(self) -> dict[str, Structure]:
        """`structures`, checked. InputError names what is wrong."""
        return parse_structures(self.structures, f"The model card of {self.name}")

    @property
    def modalities(self) -> tuple[str, ...]:
        """DICOM Modality values the model was trained on."""
        return tuple(self.recipe.windows)

    def save(self, folder: Path) -> None:
        """Write the card into a weights folder."""
        (folder / CARD_FILE).write_text(json.dumps(self.to_dict(), indent=2) + "\n")

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        values = {**asdict(self), "recipe": self.recipe.to_dict()}
        for name in ("structures", "region"):
            if not values[name]:
                del values[name]  # as cards were before: the identity of the weights is over the card too
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ModelCard:
        """The inverse of `to_dict`. ValueError, TypeError, KeyError: the values are not a card's."""
        read = {**values, "recipe": Recipe.from_dict(values["recipe"])}
        if read.get("region") is not None:
            read["region"] = Region.from_dict(read["region"])
        return cls(**read)

    @classmethod
    def load(cls, folder: Path) -> ModelCard:
        """Read the card of a weights folder.

        Raises:
            WeightsError: the folder or its card is missing or unreadable.
        """
        path = card_in(folder)
        try:
            return cls.from_dict(json.loads(path.read_text()))
        except (ValueError, TypeError, KeyError) as error:
            raise WeightsError(f"The model card {path} is damaged ({error}); restore the folder.") from error


def check_labels(labels: Mapping[str, int], classes: int | None) -> None:
    """Compare the labels with what a model tells apart.

    Args:
        labels: of its card.
        classes: with the background; None for a binary model.

    Raises:
        WeightsError: there are too many or too few.
    """
    wanted = 1 if classes is None else classes - 1
    if len(labels) != wanted:
        raise WeightsError(
            f"The model tells {wanted} structure{'' if wanted == 1 else 's'} from the background, but there "
            f"{'is' if len(labels) == 1 else 'are'} {len(labels)} label{'' if len(labels) == 1 else 's'}: "
            f"{', '.join(labels)}."
        )


def check_kind(card: ModelCard, kind: str) -> None:
    """Compare what a card says with what a model is.

    Raises:
        WeightsError: the card is another kind's.
    """
    if card.kind != kind:
        raise WeightsError(f"The model card of {card.name} is for the kind {card.kind!r}, but the model is {kind!r}.")
