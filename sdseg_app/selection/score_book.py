"""Scores of images, kept by the weights that made them: after a restart, or a rollback, nothing is scored again."""

import logging
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sdseg.corrections.database import transaction
from sdseg.selection import Score

logger = logging.getLogger(__name__)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS scores (
    image TEXT NOT NULL, weights TEXT NOT NULL, stamp TEXT NOT NULL, noises INTEGER NOT NULL, uncertainty REAL,
    embedding BLOB, trouble TEXT NOT NULL, measured REAL NOT NULL, PRIMARY KEY (image, weights))
"""


@dataclass(frozen=True)
class Entry:
    """What is known of one image.

    Attributes:
        stamp: of the image then, see `Candidate`.
        noises: over how many it was measured; 0: only its embedding.
        score: None where it could not be scored.
        trouble: then the sentence that says why.
    """

    stamp: str
    noises: int
    score: Score | None
    trouble: str = ""


class ScoreBook:
    """The database at `path`, of nothing but scores: it may be deleted, and they are made again. Every method is one
    transaction on a connection of its own."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._prepare()
        except sqlite3.OperationalError:  # a full disk: what is there is good
            raise
        except sqlite3.DatabaseError:
            logger.warning("The scores of the images are damaged; they are made anew.")
            path.unlink()
            self._prepare()

    def _prepare(self) -> None:
        with transaction(self._path, write=True) as db:
            db.execute(_SCHEMA)

    def put(self, image: str, weights: str, entry: Entry) -> None:
        """`weights`: their SHA-256. An older entry of the same image and weights is replaced."""
        score = entry.score
        with transaction(self._path) as db:
            db.execute(
                "INSERT OR REPLACE INTO scores VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    image,
                    weights,
                    entry.stamp,
                    entry.noises,
                    score.uncertainty if score else None,
                    score.embedding.astype("<f4").tobytes() if score else None,
                    entry.trouble,
                    time.time(),
                ),
            )

    def of(self, weights: str) -> dict[str, Entry]:
        """Image -> what these weights say of it."""
        with transaction(self._path) as db:
            rows = db.execute("SELECT * FROM scores WHERE weights = ?", (weights,)).fetchall()
        return {row["image"]: _entry(row) for row in rows}

    def others(self, weights: str) -> list[str]:
        """All other weights that ever scored, those that did last first."""
        with transaction(self._path) as db:
            rows = db.execute(
                "SELECT weights FROM scores WHERE weights != ? GROUP BY weights ORDER BY MAX(measured) DESC", (weights,)
            ).fetchall()
        return [row["weights"] for row in rows]


def _entry(row: sqlite3.Row) -> Entry:
    if row["embedding"] is None:
        return Entry(row["stamp"], row["noises"], None, row["trouble"])
    score = Score(row["uncertainty"], np.frombuffer(row["embedding"], dtype="<f4").astype(np.float32))
    return Entry(row["stamp"], row["noises"], score, row["trouble"])
