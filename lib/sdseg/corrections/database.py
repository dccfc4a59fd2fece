"""The SQLite file of the labels: its tables, and an older one brought up to date in place."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

# Nothing is ever deleted. `rank` says what counts before what among the labels of an image: the time it was saved, but
# of what is saved here never before what was there already, whatever the clocks of other machines say.
_TABLES = (
    """CREATE TABLE IF NOT EXISTS labels (
        number INTEGER PRIMARY KEY AUTOINCREMENT, image TEXT NOT NULL, tag TEXT NOT NULL, file TEXT NOT NULL,
        sha256 TEXT NOT NULL, info TEXT NOT NULL, saved REAL NOT NULL, removed REAL,
        annotator TEXT NOT NULL DEFAULT '', rank REAL)""",
    "CREATE INDEX IF NOT EXISTS labels_by_image ON labels (image, tag)",
    "CREATE TABLE IF NOT EXISTS images (image TEXT PRIMARY KEY, info TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS segmentations (series TEXT PRIMARY KEY, image TEXT NOT NULL, verdict TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS about (key TEXT PRIMARY KEY, value TEXT NOT NULL)",
)
# Before there were annotators: who saved it stood in `info`, and the last row counted.
_ANNOTATORS = (
    "ALTER TABLE labels ADD COLUMN annotator TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE labels ADD COLUMN rank REAL",
    """UPDATE labels SET rank = (SELECT MAX(saved) FROM labels AS before
        WHERE before.image = labels.image AND before.tag = labels.tag AND before.number <= labels.number)""",
    # "local" is whoever asks a server without users: nobody in particular.
    """UPDATE labels SET annotator = json_extract(info, '$.user')
        WHERE json_type(info, '$.user') = 'text' AND json_extract(info, '$.user') != 'local'""",
)


@contextmanager
def transaction(path: Path, write: bool = False) -> Iterator[sqlite3.Connection]:
    """One transaction on a connection of its own; with `write` nobody else writes from its start."""
    with closing(sqlite3.connect(path, timeout=30)) as db:
        db.row_factory = sqlite3.Row
        with db:
            if write:
                db.execute("BEGIN IMMEDIATE")
            yield db


def prepare(path: Path) -> None:
    """Make the tables, or add what those of an earlier version lack; any number of processes may do it at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with transaction(path, write=True) as db:
        for statement in _TABLES:
            db.execute(statement)
        columns = {row["name"] for row in db.execute("PRAGMA table_info(labels)")}
        if "annotator" not in columns:
            for statement in _ANNOTATORS:
                db.execute(statement)
