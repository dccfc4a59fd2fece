"""Which labels were saved for which image, by whom: a small SQLite book shared by the server and its tasks."""

import json
import sqlite3
import time
from dataclasses import dataclass
from typing import Any

from sdseg.corrections.database import transaction
from sdseg.corrections.notes import LEFT, TAKEN, WAITING, Notes

__all__ = ["LEFT", "TAKEN", "WAITING", "LabelBook", "LabelRecord"]


@dataclass(frozen=True)
class LabelRecord:
    """One version of a label.

    Attributes:
        image, tag: whose, and as what.
        file: relative to the folder of the labels.
        sha256: of the mask and the names of its values.
        info: what is noted about it.
        saved: seconds since the epoch, 0 where nobody knows.
        annotator: name of the user, or ContentCreatorName of a SEG; "" where nobody knows.
        number: of the row; later ones are larger.
    """

    image: str
    tag: str
    file: str
    sha256: str
    info: dict[str, Any]
    saved: float
    annotator: str = ""
    number: int = 0


def _latest(group: str) -> str:
    """Of each group the version that counts."""
    return f"""SELECT * FROM (SELECT *, ROW_NUMBER() OVER (
        PARTITION BY {group} ORDER BY COALESCE(rank, saved) DESC, number DESC) AS place
        FROM labels WHERE removed IS NULL) WHERE place = 1"""


_OF_ALL, _OF_EACH = _latest("image, tag"), _latest("image, tag, annotator")


class LabelBook(Notes):
    """Every version ever saved. Each annotator has a current label of an image and tag; the latest of all of them is
    what the label of the image means to everybody else."""

    def add(
        self,
        image: str,
        tag: str,
        file: str,
        sha256: str,
        info: dict[str, Any],
        saved: float | None = None,
        annotator: str = "",
    ) -> None:
        """`saved`: seconds since the epoch of what was made elsewhere; else now, and it counts before all others."""
        with transaction(self._path, write=True) as db:
            before = db.execute(
                "SELECT MAX(COALESCE(rank, saved)) AS rank FROM labels WHERE image = ? AND tag = ?", (image, tag)
            ).fetchone()["rank"]
            now = time.time()
            rank = max(now, before or 0.0) if saved is None else saved
            db.execute(
                "INSERT INTO labels (image, tag, file, sha256, info, saved, annotator, rank) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (image, tag, file, sha256, json.dumps(info), now if saved is None else saved, annotator, rank),
            )

    def current(self, image: str | None = None) -> list[LabelRecord]:
        """The labels that count, of one image or of all, by image and tag."""
        return self._select(f"{_OF_ALL}{' AND image = ?' if image is not None else ''} ORDER BY image, tag", image)

    def by_annotator(self, image: str | None = None) -> list[LabelRecord]:
        """Each annotator's current label of one image, or of all; by image and tag, the latest first."""
        order = "ORDER BY image, tag, COALESCE(rank, saved) DESC, number DESC"
        return self._select(f"{_OF_EACH}{' AND image = ?' if image is not None else ''} {order}", image)

    def versions(self, image: str, tag: str) -> list[LabelRecord]:
        """All that were ever saved, withdrawn ones too, the first first."""
        return self._select("SELECT * FROM labels WHERE image = ? AND tag = ? ORDER BY number", image, tag)

    def find(self, image: str, tag: str, annotator: str | None = None) -> LabelRecord | None:
        """The label that counts, or the annotator's own."""
        found = self.current(image) if annotator is None else self.by_annotator(image)
        return next((r for r in found if r.tag == tag and annotator in (None, r.annotator)), None)

    def remove(self, image: str, tag: str, annotator: str | None = None) -> None:
        """The label no longer counts, nor does an older version of it; the files stay. Of all annotators, or of one."""
        with transaction(self._path) as db:
            db.execute(
                "UPDATE labels SET removed = ? WHERE image = ? AND tag = ? AND removed IS NULL AND annotator = "
                "COALESCE(?, annotator)",
                (time.time(), image, tag, annotator),
            )

    def restore(self, image: str, tag: str, annotator: str | None = None) -> bool:
        """What was withdrawn last counts again; False where nothing was withdrawn, or something counts."""
        if self.find(image, tag, annotator) is not None:
            return False
        with transaction(self._path) as db:
            whose = "image = ? AND tag = ? AND annotator = COALESCE(?, annotator)"
            values = (image, tag, annotator)
            changed = db.execute(
                f"UPDATE labels SET removed = NULL WHERE {whose} AND removed = "
                f"(SELECT MAX(removed) FROM labels WHERE {whose})",
                (*values, *values),
            )
            return changed.rowcount > 0

    def add_info(self, record: LabelRecord, info: dict[str, Any]) -> None:
        """Add to what is noted about one version."""
        with transaction(self._path, write=True) as db:
            row = db.execute("SELECT info FROM labels WHERE number = ?", (record.number,)).fetchone()
            known = json.loads(row["info"]) if row else {}
            db.execute("UPDATE labels SET info = ? WHERE number = ?", (json.dumps({**known, **info}), record.number))

    def was_filed(self, series: str) -> bool:
        """Whether any version of a label, even a withdrawn one, is the SEG of this series."""
        rows = self._select("SELECT * FROM labels WHERE info LIKE ?", f"%{series}%")
        return any(row.info.get("dicom_seg", {}).get("series") == series for row in rows)

    def _select(self, query: str, *values: str | None) -> list[LabelRecord]:
        with transaction(self._path) as db:
            return [_record(row) for row in db.execute(query, [value for value in values if value is not None])]


def _record(row: sqlite3.Row) -> LabelRecord:
    names = ("image", "tag", "file", "sha256", "saved", "annotator", "number")
    return LabelRecord(info=json.loads(row["info"]), **{name: row[name] for name in names})
