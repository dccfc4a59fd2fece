"""The tables of the ledger."""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import JSON, ForeignKey, Index
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

VERSION = 1


class State(StrEnum):
    """Of a series; docs/node.md draws the way through them."""

    RECEIVING = "receiving"
    COMPLETE = "complete"
    SEGMENTED = "segmented"
    DELIVERING = "delivering"
    DONE = "done"
    DEAD = "dead"
    IGNORED = "ignored"


class Kept(StrEnum):
    """What became of the file of an instance."""

    HERE = "here"
    REMOVED = "removed"
    IGNORED = "ignored"
    """Never written: no image."""


class Sending(StrEnum):
    """Of one SEG to one target."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"
    SUPERSEDED = "superseded"
    """The series grew: a newer SEG takes its place."""


class Table(DeclarativeBase):
    """Base of all tables. Times are seconds since 1970, UTC."""


class SchemaRow(Table):
    """One row: which form the tables have."""

    __tablename__ = "schema"
    version: Mapped[int] = mapped_column(primary_key=True)


class SeriesRow(Table):
    """One series."""

    __tablename__ = "series"
    uid: Mapped[str] = mapped_column(primary_key=True)
    study_uid: Mapped[str]
    state: Mapped[str] = mapped_column(index=True)
    generation: Mapped[int] = mapped_column(default=1)  # counts up when instances come after completion
    calling_ae: Mapped[str] = mapped_column(default="")
    first_at: Mapped[float]
    last_at: Mapped[float]
    changed_at: Mapped[float]
    held: Mapped[bool] = mapped_column(default=False)  # its association was aborted or lost
    attempts: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[float] = mapped_column(default=0.0)
    rule: Mapped[int | None] = mapped_column(default=None)  # its number, from 1
    weights: Mapped[str] = mapped_column(default="")
    seed: Mapped[int] = mapped_column(default=0)
    batch_size: Mapped[int] = mapped_column(default=8)
    targets: Mapped[list[str]] = mapped_column(JSON, default=list)
    seg_uid: Mapped[str] = mapped_column(default="")
    seg_file: Mapped[str] = mapped_column(default="")  # its name in results/
    reason: Mapped[str] = mapped_column(default="")
    blamed: Mapped[list[str]] = mapped_column(JSON, default=list)  # SOPInstanceUIDs that the reason is about
    lettered: Mapped[bool] = mapped_column(default=False)  # a dead letter was written


class InstanceRow(Table):
    """One instance; the digest is that of the data set as received, without file meta information."""

    __tablename__ = "instances"
    sop_uid: Mapped[str] = mapped_column(primary_key=True)
    series_uid: Mapped[str] = mapped_column(ForeignKey("series.uid"), index=True)
    sop_class: Mapped[str]
    sha256: Mapped[str]
    size: Mapped[int]
    kept: Mapped[str]
    received_at: Mapped[float]


class AssociationRow(Table):
    """One association: open, released, or aborted; of those open at a start, lost."""

    __tablename__ = "associations"
    id: Mapped[int] = mapped_column(primary_key=True)
    calling_ae: Mapped[str]
    host: Mapped[str]
    started_at: Mapped[float]
    ended_at: Mapped[float | None] = mapped_column(default=None)
    outcome: Mapped[str] = mapped_column(default="open", index=True)
    current_series: Mapped[str] = mapped_column(default="")  # of the instance that came last


class TouchRow(Table):
    """Which series an open association brought instances of."""

    __tablename__ = "touches"
    association: Mapped[int] = mapped_column(ForeignKey("associations.id"), primary_key=True)
    series_uid: Mapped[str] = mapped_column(primary_key=True)


class DeliveryRow(Table):
    """One SEG to one target."""

    __tablename__ = "deliveries"
    __table_args__ = (Index("due", "target", "state", "next_at"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    series_uid: Mapped[str] = mapped_column(ForeignKey("series.uid"), index=True)
    generation: Mapped[int]
    target: Mapped[str]
    state: Mapped[str] = mapped_column(default=Sending.WAITING)
    attempts: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[float] = mapped_column(default=0.0)
    last_error: Mapped[str] = mapped_column(default="")
    confirmed: Mapped[str] = mapped_column(default="")
    delivered_at: Mapped[float | None] = mapped_column(default=None)


class EventRow(Table):
    """What happened to a series, one line each, for people."""

    __tablename__ = "events"
    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[float]
    series_uid: Mapped[str] = mapped_column(index=True)
    what: Mapped[str]
