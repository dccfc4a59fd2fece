"""The ledger's file."""

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import text

from sdseg.errors import InputError
from sdseg.node.home import Home
from sdseg.node.ledger import Ledger
from sdseg.node.reception import Arrival, register
from sdseg.node.schema import SeriesRow

ARRIVAL = Arrival("1.2.3", "1.2", "1.2.4", "1.2.5", "0" * 64, 10)


def test_it_is_durable(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite", create=True)
    with ledger.writing() as session:
        assert session.scalar(text("PRAGMA journal_mode")) == "wal"
        assert session.scalar(text("PRAGMA synchronous")) == 2


def test_what_fails_changes_nothing(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite", create=True)
    with pytest.raises(ZeroDivisionError), ledger.writing() as session:
        register(session, ARRIVAL, "SENDER")
        1 / 0  # noqa: B018
    with ledger.reading() as session:
        assert session.get(SeriesRow, "1.2.4") is None


def test_a_reader_sees_one_moment(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite", create=True)
    with ledger.reading() as reader:
        assert reader.scalar(text("SELECT count(*) FROM series")) == 0
        with ledger.writing() as session:
            register(session, ARRIVAL, "SENDER")
        assert reader.scalar(text("SELECT count(*) FROM series")) == 0


def test_without_a_node_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="start the node first"):
        Ledger(tmp_path / "ledger.sqlite")


def test_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    Ledger(path, create=True).close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE schema SET version = 99")
    with pytest.raises(InputError, match="version 99"):
        Ledger(path, create=True)


def test_a_damaged_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(InputError, match="cannot be used"):
        Ledger(path, create=True)


def test_one_node_a_home(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with home.locked(), pytest.raises(InputError, match="Another node works in"), Home(tmp_path).locked():
        pass
    with home.locked():
        pass
