"""What a weights folder says about itself: labels, recipe, provenance."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sdseg.errors import WeightsError
from sdseg.volume.recipe import Recipe

CARD_FILE = "sdseg.json"


@dataclass(frozen=True)
class ModelCard:
    """The facts inference needs beside the weights, and the ones a reader should be told.

    Attributes:
        name: of the model, e.g. "brain-small".
        preset: its size.
        labels: structure name -> value in the labelmap; contiguous from 1.
        recipe: how images are preprocessed.
        training: provenance: command, data, seed, steps, software; free-form.
    """

    name: str
    preset: str
    labels: dict[str, int]
    recipe: Recipe
    training: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.labels or sorted(self.labels.values()) != list(range(1, len(self.labels) + 1)):
            raise WeightsError(f"Label values must run from 1 without gaps, not {self.labels}.")

    @property
    def modalities(self) -> tuple[str, ...]:
        """DICOM Modality values the model was trained on."""
        return tuple(self.recipe.windows)

    def save(self, folder: Path) -> None:
        """Write the card into a weights folder."""
        values = {**asdict(self), "recipe": self.recipe.to_dict()}
        (folder / CARD_FILE).write_text(json.dumps(values, indent=2) + "\n")

    @classmethod
    def load(cls, folder: Path) -> ModelCard:
        """Read the card of a weights folder.

        Raises:
            WeightsError: the folder or its card is missing or unreadable.
        """
        path = folder / CARD_FILE
        if not path.is_file():
            raise WeightsError(
                f"{folder} is not a weights folder: it has no {CARD_FILE}; give a folder made by 'sdseg train'."
            )
        try:
            values = json.loads(path.read_text())
            return cls(**{**values, "recipe": Recipe.from_dict(values["recipe"])})
        except (ValueError, TypeError, KeyError) as error:
            raise WeightsError(f"The model card {path} is damaged ({error}); restore the folder.") from error
