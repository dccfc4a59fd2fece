"""What is in the ledger, for people and for metrics; read while the node runs or not."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from sdseg.node.clock import now, readable
from sdseg.node.home import Home
from sdseg.node.ledger import Ledger
from sdseg.node.schema import DeliveryRow, InstanceRow, Sending, SeriesRow, State

FINISHED = (State.DONE, State.DEAD, State.IGNORED)


@dataclass(frozen=True)
class Waiting:
    """A series under way; `next` says what it waits for."""

    series_instance_uid: str
    state: str
    instances: int
    age_seconds: float
    attempts: int
    next: str


@dataclass(frozen=True)
class DeadLetter:
    """A series given up."""

    series_instance_uid: str
    reason: str
    since: str


@dataclass(frozen=True)
class Status:
    """Counts by state, the queue (oldest first), dead letters, and the disk."""

    series: dict[str, int]
    instances: int
    deliveries: dict[str, dict[str, int]]
    queue: tuple[Waiting, ...]
    dead_letters: tuple[DeadLetter, ...]
    queue_age_seconds: float
    disk_free_bytes: int

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as `sdseg node status --json` prints them."""
        return asdict(self)


def take_status(ledger: Ledger, home: Home) -> Status:
    """The state of the node now. Raises OSError, and sqlalchemy.exc.OperationalError of a broken disk."""
    with ledger.reading() as session:
        queue = tuple(_queue(session))
        return Status(
            series=_counts(session),
            instances=session.scalar(select(func.count()).select_from(InstanceRow)) or 0,
            deliveries=_deliveries(session),
            queue=queue,
            dead_letters=tuple(_dead(session)),
            queue_age_seconds=max((item.age_seconds for item in queue), default=0.0),
            disk_free_bytes=home.free_bytes(),
        )


def _counts(session: Session) -> dict[str, int]:
    counted = session.execute(select(SeriesRow.state, func.count()).group_by(SeriesRow.state))
    return {state.value: 0 for state in State} | dict(counted.all())


def _deliveries(session: Session) -> dict[str, dict[str, int]]:
    columns = (DeliveryRow.target, DeliveryRow.state)
    found: dict[str, dict[str, int]] = {}
    for target, state, count in session.execute(select(*columns, func.count()).group_by(*columns)):
        found.setdefault(target, {})[state] = count
    return found


def _queue(session: Session) -> list[Waiting]:
    at = now()
    under_way = SeriesRow.state.not_in(FINISHED)
    mine = InstanceRow.series_uid.in_(select(SeriesRow.uid).where(under_way))
    counted = select(InstanceRow.series_uid, func.count()).where(mine).group_by(InstanceRow.series_uid)
    instances = dict(session.execute(counted).all())
    rows = session.scalars(select(SeriesRow).where(under_way).order_by(SeriesRow.first_at))
    return [
        Waiting(
            row.uid,
            row.state,
            instances.get(row.uid, 0),
            round(at - (row.first_at or row.changed_at), 1),
            row.attempts,
            _next(session, row),
        )
        for row in rows
    ]


def _next(session: Session, row: SeriesRow) -> str:
    if row.state == State.RECEIVING:
        return "its association ended early: waits for the sender" if row.held else "waits for more instances"
    if row.state == State.COMPLETE:
        return f"again at {readable(row.next_at)}: {row.reason}" if row.next_at > now() else "segmentation"
    waiting = session.scalars(
        select(DeliveryRow).where(
            DeliveryRow.series_uid == row.uid,
            DeliveryRow.generation == row.generation,
            DeliveryRow.state == Sending.WAITING,
        )
    )
    return "; ".join(
        f"{item.target}: next try {readable(item.next_at)} after {item.attempts}: {item.last_error}"
        if item.last_error
        else f"{item.target}: delivery"
        for item in waiting
    )


def _dead(session: Session) -> list[DeadLetter]:
    rows = session.scalars(select(SeriesRow).where(SeriesRow.state == State.DEAD).order_by(SeriesRow.changed_at))
    return [DeadLetter(row.uid, row.reason, readable(row.changed_at)) for row in rows]
