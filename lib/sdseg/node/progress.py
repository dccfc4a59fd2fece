"""How a series goes from one state to the next in the ledger."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from sdseg.node.clock import now
from sdseg.node.home import Home
from sdseg.node.reception import note
from sdseg.node.rules import Rule
from sdseg.node.schema import DeliveryRow, InstanceRow, Kept, Sending, SeriesRow, State

log = logging.getLogger(__name__)


def move(session: Session, row: SeriesRow, state: State, what: str) -> None:
    """Put a series into a state and say so."""
    row.state, row.changed_at = state, now()
    note(session, row.uid, what)
    log.info("series %s", state, extra={"series": row.uid, "generation": row.generation, "what": what})


def die(session: Session, row: SeriesRow, reason: str, blamed: Sequence[str] = ()) -> None:
    """Give a series up; the dead letter is written after the ledger says so. `blamed`: SOPInstanceUIDs."""
    row.reason, row.blamed = reason, list(blamed)
    move(session, row, State.DEAD, reason)


def complete(session: Session, row: SeriesRow, rule: Rule, number: int) -> None:
    """Nothing more is expected: the series waits to be segmented as its rule says."""
    row.rule, row.weights, row.targets = number, str(rule.weights), list(rule.targets)
    row.seed, row.batch_size = rule.seed, rule.batch_size
    row.attempts, row.next_at, row.reason = 0, 0.0, ""
    move(session, row, State.COMPLETE, f"complete; rule {number}")


def segmented(session: Session, row: SeriesRow, seg_uid: str, seg_file: str) -> None:
    """The SEG is on the disk: one delivery a target."""
    row.seg_uid, row.seg_file, row.reason = seg_uid, seg_file, ""
    for target in row.targets:
        session.add(DeliveryRow(series_uid=row.uid, generation=row.generation, target=target))
    move(session, row, State.SEGMENTED, "segmented")


def segment_again(session: Session, row: SeriesRow) -> None:
    """The SEG on the disk is gone: it is made anew, under the same UIDs."""
    for delivery in deliveries_of(session, row):
        session.delete(delivery)
    row.attempts, row.next_at, row.seg_file = 0, 0.0, ""
    move(session, row, State.COMPLETE, "its SEG is gone; segmented again")


def deliveries_of(session: Session, row: SeriesRow) -> list[DeliveryRow]:
    """Those of the newest SEG of a series."""
    mine = (DeliveryRow.series_uid == row.uid) & (DeliveryRow.generation == row.generation)
    return list(session.scalars(select(DeliveryRow).where(mine)))


def finish_if_delivered(session: Session, row: SeriesRow) -> None:
    """Done, once every target confirmed."""
    if all(delivery.state == Sending.DELIVERED for delivery in deliveries_of(session, row)):
        row.reason = ""
        move(session, row, State.DONE, "every target confirmed")


def retry(session: Session, row: SeriesRow) -> None:
    """Take a dead series up again: what is left to deliver, or from the rules on."""
    failed = [item for item in deliveries_of(session, row) if item.state != Sending.DELIVERED]
    row.attempts, row.next_at, row.held, row.reason = 0, 0.0, False, ""
    if failed:
        for item in failed:
            item.state, item.attempts, item.next_at, item.last_error = Sending.WAITING, 0, 0.0, ""
        move(session, row, State.DELIVERING, "taken up again: delivery")
    else:
        row.first_at = row.last_at = 0.0  # due at once
        move(session, row, State.RECEIVING, "taken up again")


def files_of(session: Session, home: Home, series_uid: str) -> tuple[list[Path], list[InstanceRow]]:
    """Files of the images of a series, in the order of their coming, and instances whose file is gone."""
    mine = (InstanceRow.series_uid == series_uid) & (InstanceRow.kept != Kept.IGNORED)
    rows = session.scalars(select(InstanceRow).where(mine).order_by(InstanceRow.received_at, InstanceRow.sop_uid))
    files, gone = [], []
    for row in rows:
        path = home.locate(series_uid, row.sop_uid)
        if path is None:
            gone.append(row)
        else:
            files.append(path)
    return files, gone
