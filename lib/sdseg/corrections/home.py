"""Where the labels of an archive or folder lie below the server's `model_dir`, and what is noted about it there."""

import hashlib
from pathlib import Path

from sdseg.corrections.book import LabelBook
from sdseg.corrections.division import Division
from sdseg.corrections.material import Choice
from sdseg.errors import InputError

_FOLDER = "datastore"
_STUDIES, _FRACTION = "studies", "validation_fraction"
_FILES = ("validation_data", "replay_data")


def home_of(model_dir: Path, address: str) -> Path:
    """One for each archive or folder: the same series may be labelled differently elsewhere.

    `address`: URL without a login, or URI of a folder.
    """
    return model_dir / _FOLDER / hashlib.sha256(address.encode()).hexdigest()[:12]


def division_of(home: Path) -> Division:
    """Of all homes of a `model_dir`: a patient who judges in one archive is not trained on from another."""
    return Division(home.parent / "division.db")


def note_server(book: LabelBook, studies: str, choice: Choice) -> None:
    """For `sdseg train --from-datastore`. `studies`: without a login."""
    book.set_about(_STUDIES, studies)
    book.set_about(_FRACTION, str(choice.fraction))
    for key in _FILES:
        book.set_about(key, str(getattr(choice, key) or ""))


def noted_studies(home: Path) -> str:
    """The archive or folder, "" where no server noted it."""
    return LabelBook(home / "labels.db").about(_STUDIES, "")


def noted_choice(home: Path) -> Choice:
    """What the server's settings were."""
    book = LabelBook(home / "labels.db")
    files = {key: Path(path) for key in _FILES if (path := book.about(key, ""))}
    return Choice(float(book.about(_FRACTION, str(Choice.fraction))), **files)


def homes(model_dir: Path) -> list[Path]:
    """Those with labels. Raises InputError: there is none."""
    found = sorted(path.parent for path in (model_dir / _FOLDER).glob("*/labels.db"))
    if not found:
        raise InputError(f"{model_dir} holds no labels of a server; give the server's model_dir.")
    return found
