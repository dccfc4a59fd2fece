"""The ledger: SQLite in WAL mode, every change durable before it is acted upon."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, event, select
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from sdseg.errors import InputError
from sdseg.node.schema import VERSION, SchemaRow, Table

BUSY_SECONDS = 30


class Ledger:
    """Short transactions on the ledger file; may be used from several threads and processes.

    Args:
        path: of the file.
        create: make it where it is missing.

    Raises:
        InputError: it is missing, damaged, or of another version.
    """

    def __init__(self, path: Path, create: bool = False) -> None:
        if not create and not path.is_file():
            raise InputError(f"There is no ledger {path}: start the node first, or correct home.")
        self.path = path
        self._engine = create_engine(
            f"sqlite:///{path}",
            connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
            pool_size=20,
            max_overflow=30,
        )
        event.listen(self._engine, "connect", _set_up)
        event.listen(self._engine, "begin", _begin)
        try:
            self._check(create)
        except DatabaseError as error:
            raise InputError(f"The ledger {path} cannot be used ({error.orig}): restore it from a backup.") from None

    def _check(self, create: bool) -> None:
        if create:
            with self.writing() as session:
                Table.metadata.create_all(session.connection())
                if session.get(SchemaRow, VERSION) is None and not session.scalars(select(SchemaRow)).first():
                    session.add(SchemaRow(version=VERSION))
        with self.reading() as session:
            version = session.scalar(select(SchemaRow.version))
        if version != VERSION:
            raise InputError(
                f"The ledger {self.path} has version {version}, this node reads {VERSION}: use the node that made it."
            )

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A transaction that has the write lock from its start, and is on the disk when the block ends.

        Raises:
            sqlalchemy.exc.OperationalError: the disk is full or broken; nothing was changed.
        """
        engine = self._engine.execution_options(immediate=True)
        with Session(engine, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A view that does not change while the block lasts, and holds nobody up."""
        with Session(self._engine, expire_on_commit=False) as session:
            yield session

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()


def _set_up(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # so that `_begin` alone begins transactions
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    immediate = connection.get_execution_options().get("immediate", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")
