"""What makes a folder a weights folder; apart from the card itself, whose import takes seconds."""

from __future__ import annotations

from pathlib import Path

from sdseg.errors import WeightsError

CARD_FILE = "sdseg.json"


def card_in(folder: Path) -> Path:
    """The file of the model card in `folder`. Raises WeightsError: there is none."""
    path = folder / CARD_FILE
    if not path.is_file():
        raise WeightsError(
            f"{folder} is not a weights folder: it has no {CARD_FILE}; give a folder made by 'sdseg train' "
            "or 'sdseg weights import'."
        )
    return path
