"""What the ledger notes of instances and associations as they come."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from sdseg.node.clock import now
from sdseg.node.schema import (
    AssociationRow,
    DeliveryRow,
    EventRow,
    InstanceRow,
    Kept,
    Sending,
    SeriesRow,
    State,
    TouchRow,
)


@dataclass(frozen=True)
class Arrival:
    """An instance as received; `sha256` is that of its data set, `size` in bytes."""

    sop_uid: str
    sop_class: str
    series_uid: str
    study_uid: str
    sha256: str
    size: int
    is_image: bool = True


def note(session: Session, series_uid: str, what: str) -> None:
    """One line of a series' story."""
    session.add(EventRow(at=now(), series_uid=series_uid, what=what))


def register(session: Session, arrival: Arrival, calling_ae: str) -> SeriesRow:
    """Note an image whose file is on the disk: a new one, or one whose file was gone or is replaced."""
    at = now()
    series = session.get(SeriesRow, arrival.series_uid)
    if series is None:
        series = _new_series(session, arrival, calling_ae, State.RECEIVING, at)
    elif series.state != State.RECEIVING:
        reopen(session, series, at)
    series.last_at, series.calling_ae = at, calling_ae
    _put(session, arrival, Kept.HERE, at)
    return series


def ignore(session: Session, arrival: Arrival, calling_ae: str) -> None:
    """Note an object that is no image to segment: nothing is kept of it."""
    at = now()
    if session.get(SeriesRow, arrival.series_uid) is None:
        series = _new_series(session, arrival, calling_ae, State.IGNORED, at)
        series.reason = "Its objects are results or documents, no images to segment."
        note(session, arrival.series_uid, "ignored")
    _put(session, arrival, Kept.IGNORED, at)


def reopen(session: Session, series: SeriesRow, at: float) -> None:
    """A series which was complete gets another instance: it is received again, as its next generation."""
    note(session, series.uid, f"received again after it was {series.state}")
    series.generation += 1
    series.state, series.reason = State.RECEIVING, ""
    series.first_at = series.last_at = series.changed_at = at
    series.held, series.attempts, series.next_at = False, 0, 0.0
    waiting = (DeliveryRow.series_uid == series.uid) & DeliveryRow.state.in_([Sending.WAITING, Sending.FAILED])
    session.execute(update(DeliveryRow).where(waiting).values(state=Sending.SUPERSEDED))


def touch(session: Session, association: int, series_uid: str) -> None:
    """An instance of the series came in this association, be it a duplicate."""
    session.merge(TouchRow(association=association, series_uid=series_uid))
    session.execute(update(AssociationRow).where(AssociationRow.id == association).values(current_series=series_uid))
    receiving = (SeriesRow.uid == series_uid) & (SeriesRow.state == State.RECEIVING)
    session.execute(update(SeriesRow).where(receiving).values(last_at=now()))


def association_opened(session: Session, calling_ae: str, host: str) -> int:
    """Note an association; gives its number."""
    row = AssociationRow(calling_ae=calling_ae, host=host, started_at=now())
    session.add(row)
    session.flush()
    return row.id


def association_ended(session: Session, number: int, outcome: str) -> None:
    """Released: what it brought is whole. Aborted or lost: the sender may come back with the rest."""
    row = session.get(AssociationRow, number)
    if row is None or row.outcome != "open":
        return
    row.outcome, row.ended_at = outcome, now()
    touched = select(TouchRow.series_uid).where(TouchRow.association == number)
    receiving = SeriesRow.uid.in_(touched) & (SeriesRow.state == State.RECEIVING)
    session.execute(update(SeriesRow).where(receiving).values(held=outcome != "released"))
    session.execute(delete(TouchRow).where(TouchRow.association == number))


def open_associations(session: Session) -> list[int]:
    """Numbers of the associations that nobody noted the end of."""
    return list(session.scalars(select(AssociationRow.id).where(AssociationRow.outcome == "open")))


def _new_series(session: Session, arrival: Arrival, calling_ae: str, state: State, at: float) -> SeriesRow:
    times = {"first_at": at, "last_at": at, "changed_at": at}
    series = SeriesRow(
        uid=arrival.series_uid, study_uid=arrival.study_uid, state=state, generation=1, calling_ae=calling_ae, **times
    )
    session.add(series)
    session.flush()
    return series


def _put(session: Session, arrival: Arrival, kept: Kept, at: float) -> None:
    session.merge(
        InstanceRow(
            sop_uid=arrival.sop_uid,
            series_uid=arrival.series_uid,
            sop_class=arrival.sop_class,
            sha256=arrival.sha256,
            size=arrival.size,
            kept=kept,
            received_at=at,
        )
    )
