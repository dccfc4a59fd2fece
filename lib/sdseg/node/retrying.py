"""Dead letters taken up again by a person."""

from __future__ import annotations

from sqlalchemy import select

from sdseg.errors import UnknownNameError
from sdseg.node import progress
from sdseg.node.ledger import Ledger
from sdseg.node.schema import SeriesRow, State


def retry_series(ledger: Ledger, series_uid: str | None) -> int:
    """Take one dead series, or all of them, up again; gives how many. The node, running or not, does the rest.

    Raises:
        UnknownNameError: no such series is dead.
    """
    with ledger.writing() as session:
        dead = select(SeriesRow).where(SeriesRow.state == State.DEAD)
        rows = session.scalars(dead if series_uid is None else dead.where(SeriesRow.uid == series_uid)).all()
        if series_uid is not None and not rows:
            raise UnknownNameError(f"No series {series_uid} is dead: `sdseg node status` lists those that are.")
        for row in rows:
            progress.retry(session, row)
    return len(rows)
