"""Who was given what: a study that one annotator is on is given to no other, until it expires."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sdseg.corrections.database import transaction
from sdseg_app.selection.pool import Candidate, Pool

_SCHEMA = """
CREATE TABLE IF NOT EXISTS reservations (
    image TEXT NOT NULL, annotator TEXT NOT NULL, study TEXT NOT NULL, made REAL NOT NULL, until REAL NOT NULL,
    released INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (image, annotator))
"""


@dataclass(frozen=True)
class Reservation:
    """An image that was given to somebody; made and until are seconds since the epoch.

    `released`: he gave it back. Others may have it; he himself gets another one first.
    """

    image: str
    annotator: str
    study: str
    made: float
    until: float
    released: bool = False

    def holds(self, pool: Pool) -> bool:
        """Whether it keeps the study from others: not when its image is labelled, or was rejected since."""
        rejected = self.made < pool.rejected.get(self.image, 0.0)
        return not self.released and not rejected and self.image in pool.open_images


class Reservations:
    """A table in the database at `path`. Every method is one transaction on a connection of its own: any thread or
    process may call it, and no two of them give away the same study."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        with transaction(path, write=True) as db:
            db.execute(_SCHEMA)

    def take(self, annotator: str, order: Sequence[Candidate], pool: Pool, minutes: float) -> Reservation | None:
        """Reserve the first image of `order` whose study nobody else holds and that he was not given already; where
        there is none, the one that he was given longest ago. None: nothing is left for him."""
        with transaction(self._path, write=True) as db:
            now = time.time()
            rows = db.execute("SELECT * FROM reservations WHERE until > ?", (now,)).fetchall()
            valid = [_reservation(dict(row)) for row in rows]
            held = {one.study for one in valid if one.annotator != annotator and one.holds(pool)}
            mine = {one.image: one.made for one in valid if one.annotator == annotator}
            free = [one for one in order if one.study not in held]
            new = (one for one in free if one.image not in mine)
            chosen = next(new, None) or min(free, key=lambda one: mine[one.image], default=None)
            if chosen is None:
                return None
            made = Reservation(chosen.image, annotator, chosen.study, now, now + 60 * minutes)
            db.execute(
                "INSERT OR REPLACE INTO reservations (image, annotator, study, made, until) VALUES (?, ?, ?, ?, ?)",
                (made.image, made.annotator, made.study, made.made, made.until),
            )
        return made

    def give_back(self, annotator: str, image: str) -> bool:
        """False where he does not hold it."""
        with transaction(self._path, write=True) as db:
            changed = db.execute(
                "UPDATE reservations SET released = 1 WHERE image = ? AND annotator = ? AND until > ? AND NOT released",
                (image, annotator, time.time()),
            )
            return changed.rowcount > 0

    def valid(self) -> list[Reservation]:
        """Those that have not expired."""
        with transaction(self._path) as db:
            rows = db.execute("SELECT * FROM reservations WHERE until > ?", (time.time(),)).fetchall()
        return [_reservation(dict(row)) for row in rows]

    def last_given(self) -> dict[str, float]:
        """Image -> when anybody was last given it, in seconds since the epoch."""
        with transaction(self._path) as db:
            rows = db.execute("SELECT image, MAX(made) AS made FROM reservations GROUP BY image").fetchall()
        return {row["image"]: row["made"] for row in rows}


def _reservation(row: dict[str, object]) -> Reservation:
    return Reservation(**{**row, "released": bool(row["released"])})  # type: ignore[arg-type]
