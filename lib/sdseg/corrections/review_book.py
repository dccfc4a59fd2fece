"""What annotators decided about images: every decision kept, the latest counts."""

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from sdseg.corrections.database import transaction

_SCHEMA = """
CREATE TABLE IF NOT EXISTS reviews (
    number INTEGER PRIMARY KEY AUTOINCREMENT, image TEXT NOT NULL, verdict TEXT NOT NULL, reason TEXT NOT NULL,
    training INTEGER NOT NULL, label TEXT NOT NULL, weights TEXT NOT NULL, by TEXT NOT NULL, made REAL NOT NULL);
CREATE INDEX IF NOT EXISTS reviews_by_image ON reviews (image);
"""
ACCEPT: Literal["accept"] = "accept"
REJECT: Literal["reject"] = "reject"


@dataclass(frozen=True)
class Review:
    """A decision about one image.

    Attributes:
        image: its id.
        verdict: "accept", "reject", or "" where only the use for training was decided.
        reason: of a rejection.
        training: whether a label of the image may be trained on.
        label: SHA-256 of the final label that was meant, "" where there was none and the result was meant: a verdict
            holds for that label and no later one.
        weights: SHA-256 of the weights that had last segmented the image then, "" if none had.
        by: name of the user.
        made: seconds since the epoch.
    """

    image: str
    verdict: str = ""
    reason: str = ""
    training: bool = True
    label: str = ""
    weights: str = ""
    by: str = ""
    made: float = 0.0


class ReviewBook:
    """A table beside those of the label book, in the same file; any thread or process may call."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        with transaction(self._path) as db:
            db.executescript(_SCHEMA)

    def find(self, image: str) -> Review:
        """The latest decision; that of nobody, which allows training, where there is none."""
        return self.current().get(image, Review(image))

    def current(self) -> dict[str, Review]:
        """Image -> its latest decision."""
        with transaction(self._path) as db:
            rows = db.execute(
                "SELECT * FROM reviews WHERE number IN (SELECT MAX(number) FROM reviews GROUP BY image)"
            ).fetchall()
        return {row["image"]: _review(dict(row)) for row in rows}

    def verdicts(self) -> dict[tuple[str, str], str]:
        """(image, SHA-256 of a label) -> the latest verdict about that label: of several annotators' labels of an
        image one may be rejected and another accepted."""
        with transaction(self._path) as db:
            rows = db.execute(
                "SELECT image, label, verdict FROM reviews WHERE number IN "
                "(SELECT MAX(number) FROM reviews WHERE verdict != '' AND label != '' GROUP BY image, label)"
            ).fetchall()
        return {(row["image"], row["label"]): str(row["verdict"]) for row in rows}

    def add(self, review: Review) -> Review:
        """Keep a decision, dated now; the same as the latest one, but for its date and user, is not kept again."""
        kept = self.find(review.image)
        if kept.made and replace(review, by=kept.by, made=kept.made) == kept:
            return kept
        dated = replace(review, made=time.time())
        with transaction(self._path) as db:
            db.execute(
                "INSERT INTO reviews (image, verdict, reason, training, label, weights, by, made) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    dated.image,
                    dated.verdict,
                    dated.reason,
                    int(dated.training),
                    dated.label,
                    dated.weights,
                    dated.by,
                    dated.made,
                ),
            )
        return dated


def _review(row: dict[str, Any]) -> Review:
    del row["number"]
    return Review(**{**row, "training": bool(row["training"])})
