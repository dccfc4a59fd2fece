"""Which labels were saved for which image: a small SQLite book shared by the server and its background tasks."""

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SCHEMA = """
CREATE TABLE IF NOT EXISTS labels (
    number INTEGER PRIMARY KEY AUTOINCREMENT, image TEXT NOT NULL, tag TEXT NOT NULL, file TEXT NOT NULL,
    sha256 TEXT NOT NULL, info TEXT NOT NULL, saved REAL NOT NULL, removed REAL);
CREATE INDEX IF NOT EXISTS labels_by_image ON labels (image, tag);
CREATE TABLE IF NOT EXISTS images (image TEXT PRIMARY KEY, info TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS segmentations (series TEXT PRIMARY KEY, image TEXT NOT NULL, verdict TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS about (key TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
# What became of a SEG series of the archive.
TAKEN, LEFT, WAITING = "taken", "left", "waiting"

# Of each image and tag the latest version counts, unless it was removed. Nothing is ever deleted.
_CURRENT = """
SELECT * FROM labels
WHERE number IN (SELECT MAX(number) FROM labels GROUP BY image, tag) AND removed IS NULL
"""


@dataclass(frozen=True)
class LabelRecord:
    """The current version of one label; `file` is relative to the folder of the labels."""

    image: str
    tag: str
    file: str
    sha256: str
    info: dict[str, Any]
    saved: float


class LabelBook:
    """The book at `path`. Every method is one transaction on a connection of its own: any thread or process may
    call it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._open() as db:
            db.executescript(_SCHEMA)

    def add(
        self, image: str, tag: str, file: str, sha256: str, info: dict[str, Any], saved: float | None = None
    ) -> None:
        """`saved`: seconds since the epoch, else now."""
        with self._open() as db:
            db.execute(
                "INSERT INTO labels (image, tag, file, sha256, info, saved) VALUES (?, ?, ?, ?, ?, ?)",
                (image, tag, file, sha256, json.dumps(info), time.time() if saved is None else saved),
            )

    def current(self, image: str | None = None) -> list[LabelRecord]:
        """The current labels, of one image or of all, by image and tag."""
        chosen, values = ("", ()) if image is None else (" AND image = ?", (image,))
        with self._open() as db:
            rows = db.execute(f"{_CURRENT}{chosen} ORDER BY image, tag", values).fetchall()
        return [
            LabelRecord(r["image"], r["tag"], r["file"], r["sha256"], json.loads(r["info"]), r["saved"]) for r in rows
        ]

    def find(self, image: str, tag: str) -> LabelRecord | None:
        return next((record for record in self.current(image) if record.tag == tag), None)

    def remove(self, image: str, tag: str) -> None:
        """The label no longer counts, nor does an older version of it; the files stay."""
        with self._open() as db:
            db.execute("UPDATE labels SET removed = ? WHERE image = ? AND tag = ?", (time.time(), image, tag))

    def set_label_info(self, image: str, tag: str, info: dict[str, Any]) -> None:
        with self._open() as db:
            db.execute(
                "UPDATE labels SET info = ? WHERE number = "
                "(SELECT MAX(number) FROM labels WHERE image = ? AND tag = ?)",
                (json.dumps(info), image, tag),
            )

    def image_info(self, image: str) -> dict[str, Any]:
        with self._open() as db:
            row = db.execute("SELECT info FROM images WHERE image = ?", (image,)).fetchone()
        return dict(json.loads(row["info"])) if row else {}

    def images(self) -> dict[str, dict[str, Any]]:
        """What is known about every image, by image."""
        with self._open() as db:
            return {row["image"]: json.loads(row["info"]) for row in db.execute("SELECT * FROM images")}

    def set_image_info(self, image: str, info: dict[str, Any]) -> None:
        with self._open() as db:
            db.execute("INSERT OR REPLACE INTO images VALUES (?, ?)", (image, json.dumps(info)))

    def segmentations(self) -> dict[str, tuple[str, str]]:
        """SEG series of the archive that were looked at -> their image and what became of them."""
        with self._open() as db:
            return {r["series"]: (r["image"], r["verdict"]) for r in db.execute("SELECT * FROM segmentations")}

    def note_segmentation(self, series: str, image: str, verdict: str) -> None:
        with self._open() as db:
            db.execute("INSERT OR REPLACE INTO segmentations VALUES (?, ?, ?)", (series, image, verdict))

    def was_filed(self, series: str) -> bool:
        """Whether any version of a label, even a withdrawn one, is the SEG of this series."""
        with self._open() as db:
            rows = db.execute("SELECT info FROM labels WHERE info LIKE ?", (f"%{series}%",)).fetchall()
        return any(json.loads(row["info"]).get("dicom_seg", {}).get("series") == series for row in rows)

    def about(self, key: str, default: str) -> str:
        with self._open() as db:
            row = db.execute("SELECT value FROM about WHERE key = ?", (key,)).fetchone()
        return str(row["value"]) if row else default

    def set_about(self, key: str, value: str) -> None:
        with self._open() as db:
            db.execute("INSERT OR REPLACE INTO about VALUES (?, ?)", (key, value))

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path, timeout=30)) as db:
            db.row_factory = sqlite3.Row
            with db:  # one transaction
                yield db
