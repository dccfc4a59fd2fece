"""What is noted about images, SEG series of the archive, and the datastore itself."""

import json
from pathlib import Path
from typing import Any

from sdseg.corrections.database import prepare, transaction

# What became of a SEG series of the archive.
TAKEN, LEFT, WAITING = "taken", "left", "waiting"


class Notes:
    """The book at `path`. Every method is one transaction on a connection of its own: any thread or process may
    call it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        prepare(path)

    def image_info(self, image: str) -> dict[str, Any]:
        with transaction(self._path) as db:
            row = db.execute("SELECT info FROM images WHERE image = ?", (image,)).fetchone()
        return dict(json.loads(row["info"])) if row else {}

    def images(self) -> dict[str, dict[str, Any]]:
        """What is known about every image, by image."""
        with transaction(self._path) as db:
            return {row["image"]: json.loads(row["info"]) for row in db.execute("SELECT * FROM images")}

    def set_image_info(self, image: str, info: dict[str, Any]) -> None:
        with transaction(self._path) as db:
            db.execute("INSERT OR REPLACE INTO images VALUES (?, ?)", (image, json.dumps(info)))

    def add_image_info(self, image: str, info: dict[str, Any]) -> None:
        """Add to what is known; who notes something else at the same time loses nothing."""
        with transaction(self._path, write=True) as db:
            row = db.execute("SELECT info FROM images WHERE image = ?", (image,)).fetchone()
            known = json.loads(row["info"]) if row else {}
            db.execute("INSERT OR REPLACE INTO images VALUES (?, ?)", (image, json.dumps({**known, **info})))

    def segmentations(self) -> dict[str, tuple[str, str]]:
        """SEG series of the archive that were looked at -> their image and what became of them."""
        with transaction(self._path) as db:
            return {r["series"]: (r["image"], r["verdict"]) for r in db.execute("SELECT * FROM segmentations")}

    def note_segmentation(self, series: str, image: str, verdict: str) -> None:
        with transaction(self._path) as db:
            db.execute("INSERT OR REPLACE INTO segmentations VALUES (?, ?, ?)", (series, image, verdict))

    def about(self, key: str, default: str) -> str:
        with transaction(self._path) as db:
            row = db.execute("SELECT value FROM about WHERE key = ?", (key,)).fetchone()
        return str(row["value"]) if row else default

    def set_about(self, key: str, value: str) -> None:
        with transaction(self._path) as db:
            db.execute("INSERT OR REPLACE INTO about VALUES (?, ?)", (key, value))
