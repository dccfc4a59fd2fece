"""Which patients train models and which judge them: decided once for each, and for ever."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

from sdseg.corrections.database import transaction
from sdseg.errors import InputError

Side = Literal["train", "judge"]
TRAIN: Literal["train"] = "train"
JUDGE: Literal["judge"] = "judge"

# `counted`: whether the patient came with a label; those of data that somebody added have their side from him.
_TABLES = (
    """CREATE TABLE IF NOT EXISTS patients (
        number INTEGER PRIMARY KEY AUTOINCREMENT, patient TEXT NOT NULL UNIQUE, side TEXT NOT NULL,
        counted INTEGER NOT NULL)""",
    "CREATE TABLE IF NOT EXISTS images (image TEXT PRIMARY KEY, patient TEXT NOT NULL)",
)
_ROUNDING = 1e-9


class Division:
    """The file at `path`, for all archives and models of a server: a patient is the same everywhere.

    Every method is one transaction: any process may call it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        with transaction(path, write=True) as db:
            for statement in _TABLES:
                db.execute(statement)

    def assign(self, patients: Iterable[str], fraction: float) -> dict[str, Side]:
        """The sides of `patients`, digests in the order in which their labels came.

        Whoever has a side keeps it. Of the new ones the first of all trains, the second judges, and from then on each
        judges where the share of judges would still be `fraction` at most; with a fraction of 0 nobody judges.

        Raises:
            InputError: the fraction is below 0, or 1 and more.
        """
        if not 0 <= fraction < 1:
            raise InputError(f"The fraction of patients for validation must be at least 0 and below 1, not {fraction}.")
        asked = list(dict.fromkeys(patients))
        with transaction(self._path, write=True) as db:
            rows = db.execute("SELECT patient, side, counted FROM patients").fetchall()
            known: dict[str, Side] = {row["patient"]: row["side"] for row in rows}
            count = sum(row["counted"] for row in rows)
            judges = sum(row["counted"] for row in rows if row["side"] == JUDGE)
            for patient in asked:
                if patient in known:
                    continue
                known[patient] = _next(count, judges, fraction)
                count, judges = count + 1, judges + (known[patient] == JUDGE)
                db.execute("INSERT INTO patients (patient, side, counted) VALUES (?, ?, 1)", (patient, known[patient]))
        return {patient: known[patient] for patient in asked}

    def settle(self, patients: Iterable[str], side: Side) -> dict[str, Side]:
        """The sides of the patients of data that somebody added; the new ones are put on `side`."""
        asked = list(dict.fromkeys(patients))
        with transaction(self._path, write=True) as db:
            for patient in asked:
                db.execute("INSERT OR IGNORE INTO patients (patient, side, counted) VALUES (?, ?, 0)", (patient, side))
            known = {row["patient"]: row["side"] for row in db.execute("SELECT patient, side FROM patients")}
        return {patient: known[patient] for patient in asked}

    def follow(self, images: Mapping[str, str]) -> list[str]:
        """Whose identifier was corrected stays on the side of his images; and which images can be on none.

        Args:
            images: image -> digest of its patient as it is told now.

        Returns:
            Images that were on the other side under another identifier: they may neither train nor judge.
        """
        with transaction(self._path, write=True) as db:
            rows = db.execute("SELECT image, side FROM images JOIN patients USING (patient)").fetchall()
            before: dict[str, Side] = {row["image"]: row["side"] for row in rows}
        moved = [image for image in images if image in before]
        return [image for image in moved if self.settle([images[image]], before[image])[images[image]] != before[image]]

    def note_images(self, images: Mapping[str, str]) -> None:
        """Remember under which patient each image was divided first."""
        with transaction(self._path, write=True) as db:
            db.executemany("INSERT OR IGNORE INTO images VALUES (?, ?)", images.items())

    def sides(self) -> Mapping[str, Side]:
        """Of everybody who has one."""
        with transaction(self._path) as db:
            return {row["patient"]: row["side"] for row in db.execute("SELECT patient, side FROM patients")}


def _next(count: int, judges: int, fraction: float) -> Side:
    if count == 0 or fraction == 0:
        return TRAIN
    if count == 1:
        return JUDGE
    return JUDGE if judges + 1 <= fraction * (count + 1) + _ROUNDING else TRAIN
