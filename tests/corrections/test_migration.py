"""A book of labels that an earlier version wrote is brought up to date in place, and loses nothing."""

import json
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from sdseg.corrections.store import LabelStore

# As version 0.5 made it, to the letter.
OLD = """
CREATE TABLE IF NOT EXISTS labels (
    number INTEGER PRIMARY KEY AUTOINCREMENT, image TEXT NOT NULL, tag TEXT NOT NULL, file TEXT NOT NULL,
    sha256 TEXT NOT NULL, info TEXT NOT NULL, saved REAL NOT NULL, removed REAL);
CREATE INDEX IF NOT EXISTS labels_by_image ON labels (image, tag);
CREATE TABLE IF NOT EXISTS images (image TEXT PRIMARY KEY, info TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS segmentations (series TEXT PRIMARY KEY, image TEXT NOT NULL, verdict TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS about (key TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Image 1.2: anna, then bob, whose clock was ahead, then the archive; 3.4: withdrawn; 5.6: of a local user."""
    rows = [
        ("1.2", "final", "a", {"user": "anna", "label_values": {"brain": 1}}, 10.0, None),
        ("1.2", "final", "b", {"user": "bob"}, 99.0, None),
        ("1.2", "final", "c", {"from_archive": True, "dicom_seg": {"series": "7.8"}}, 30.0, None),
        ("3.4", "final", "d", {"user": "anna"}, 10.0, 20.0),
        ("5.6", "original", "e", {"user": "local"}, 10.0, None),
    ]
    with closing(sqlite3.connect(tmp_path / "labels.db")) as db, db:
        db.executescript(OLD)
        for image, tag, digest, info, saved, removed in rows:
            db.execute(
                "INSERT INTO labels (image, tag, file, sha256, info, saved, removed) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (image, tag, f"{tag}/{digest}.nrrd", digest, json.dumps(info), saved, removed),
            )
        db.execute("INSERT INTO images VALUES ('1.2', '{\"inference\": {}}')")
        db.execute("INSERT INTO about VALUES ('name', 'old')")
    return tmp_path


def test_what_counted_counts_and_who_made_it_is_known(home: Path) -> None:
    book = LabelStore(home).book
    assert {(r.image, r.tag): r.sha256 for r in book.current()} == {("1.2", "final"): "c", ("5.6", "original"): "e"}
    own = [(r.annotator, r.sha256, r.saved) for r in book.by_annotator("1.2")]
    assert own == [("", "c", 30.0), ("bob", "b", 99.0), ("anna", "a", 10.0)], "in the order in which they were saved"
    assert [r.annotator for r in book.by_annotator("5.6")] == [""]
    assert book.image_info("1.2") == {"inference": {}} and book.about("name", "") == "old" and book.was_filed("7.8")


def test_a_label_saved_after_it_counts_whatever_the_clocks_say(home: Path) -> None:
    book = LabelStore(home).book
    book.add("1.2", "final", "final/f.nrrd", "f", {}, annotator="anna")
    found = book.find("1.2", "final")
    assert found is not None and found.sha256 == "f"
    assert {r.annotator: r.sha256 for r in book.by_annotator("1.2")} == {"": "c", "bob": "b", "anna": "f"}
    assert [r.sha256 for r in book.versions("1.2", "final")] == ["a", "b", "c", "f"], "nothing is gone"


def test_many_processes_may_open_it_at_once_and_again(home: Path) -> None:
    failures: list[Exception] = []

    def open_it() -> None:
        try:
            assert len(LabelStore(home).book.by_annotator()) == 4
        except (sqlite3.Error, AssertionError) as error:
            failures.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(LabelStore(home).book.by_annotator()) == 4


def test_what_was_withdrawn_before_can_come_back(home: Path) -> None:
    book = LabelStore(home).book
    assert book.find("3.4", "final") is None
    assert book.restore("3.4", "final") and not book.restore("3.4", "final")
    found = book.find("3.4", "final")
    assert found is not None and (found.sha256, found.annotator) == ("d", "anna")
