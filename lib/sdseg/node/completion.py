"""When is a series complete, and what is to be done with it?"""

from __future__ import annotations

import logging

from pydicom.dataset import Dataset
from sqlalchemy import select
from sqlalchemy.orm import Session

from sdseg.dicom.files import READ_ERRORS
from sdseg.node import progress
from sdseg.node.clock import now
from sdseg.node.config import NodeConfig
from sdseg.node.headers import read_facts
from sdseg.node.home import Home
from sdseg.node.ledger import Ledger
from sdseg.node.rules import facts_of, first_match
from sdseg.node.schema import AssociationRow, SeriesRow, State

log = logging.getLogger(__name__)


def due_at(row: SeriesRow, is_open: bool, started: float, quiet: float, forced: float) -> float:
    """When a series being received counts as complete, seconds since 1970.

    Args:
        row: the series.
        is_open: an association whose last instance is one of it still goes on.
        started: when the node did; before it nobody could have sent.
        quiet: seconds without an instance after which a series is complete.
        forced: seconds after which it is complete though more may be expected: of one whose association was
            aborted or lost since its last instance, of others since their first.
    """
    if row.held:
        return max(row.last_at, started) + forced
    earliest = started + quiet if row.last_at else 0.0
    whole = row.first_at + forced
    return max(earliest, whole if is_open else min(row.last_at + quiet, whole))


class Completion:
    """Moves series on from `receiving`.

    Args:
        config: of the node.
        home: where the files are.
        ledger: which series there are.
    """

    def __init__(self, config: NodeConfig, home: Home, ledger: Ledger) -> None:
        self._config, self._home, self._ledger = config, home, ledger
        self._started = now()

    def step(self) -> bool:
        """Look once at all series being received; False, for there is nothing more to do until time has passed."""
        with self._ledger.reading() as session:
            due = self._due(session)
        for row in due:
            self._finish(row)
        return False

    def _due(self, session: Session) -> list[SeriesRow]:
        rows = session.scalars(select(SeriesRow).where(SeriesRow.state == State.RECEIVING)).all()
        busy = set(session.scalars(select(AssociationRow.current_series).where(AssociationRow.outcome == "open")))
        times = (self._started, self._config.quiet_seconds, self._config.forced_seconds)
        at = now()
        return [row for row in rows if due_at(row, row.uid in busy, *times) <= at]

    def _finish(self, seen: SeriesRow) -> None:
        with self._ledger.reading() as session:
            files, _ = progress.files_of(session, self._home, seen.uid)
        header = _first_readable(files)
        with self._ledger.writing() as session:
            row = session.get_one(SeriesRow, seen.uid)
            if (row.state, row.last_at) != (State.RECEIVING, seen.last_at):
                return  # something came in the meantime
            if header is None:
                progress.die(session, row, "None of its files is there, or can be read; send the series again.")
                return
            rules = self._config.rules
            rule = first_match(rules, facts_of(header, row.calling_ae))
            if rule is None:
                row.reason = "No rule matches."
                progress.move(session, row, State.IGNORED, row.reason)
            else:
                progress.complete(session, row, rule, rules.index(rule) + 1)


def _first_readable(files: list) -> Dataset | None:
    for path in files:
        try:
            return read_facts(path)
        except READ_ERRORS:
            log.warning("file cannot be read", extra={"file": path.name})
    return None
