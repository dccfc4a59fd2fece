"""One courier a target: what is due is delivered, what fails is tried again later, what is refused is given up."""

from __future__ import annotations

import logging
import threading

from sqlalchemy import select
from sqlalchemy.orm import Session

from sdseg.delivery.target import Receipt, Target
from sdseg.errors import DeliveryError, InputError, RefusedError
from sdseg.node import progress
from sdseg.node.backoff import pause_before
from sdseg.node.clock import now
from sdseg.node.config import Retry
from sdseg.node.home import Home
from sdseg.node.ledger import Ledger
from sdseg.node.metrics import Counters
from sdseg.node.schema import DeliveryRow, Sending, SeriesRow, State

log = logging.getLogger(__name__)


class Courier:
    """Delivers to one target; `step` may be called from several threads.

    Args:
        name: of the target in the configuration.
        target: the destination.
        retry: when to try again.
        home: where the SEGs are.
        ledger: what is due.
        counters: of the metrics.
    """

    def __init__(self, name: str, target: Target, retry: Retry, home: Home, ledger: Ledger, counters: Counters) -> None:
        self._name, self._target, self._retry = name, target, retry
        self._home, self._ledger, self._counters = home, ledger, counters
        self._claimed: set[int] = set()
        self._lock = threading.Lock()

    def step(self) -> bool:
        """Try the delivery that is due the longest; whether there was one."""
        number = self._claim()
        if number is None:
            return False
        try:
            self._try(number)
        finally:
            with self._lock:
                self._claimed.discard(number)
        return True

    def _claim(self) -> int | None:
        due = (
            (DeliveryRow.target == self._name) & (DeliveryRow.state == Sending.WAITING) & (DeliveryRow.next_at <= now())
        )
        with self._lock:
            free = DeliveryRow.id.not_in(self._claimed)
            query = select(DeliveryRow.id).where(due, free).order_by(DeliveryRow.next_at, DeliveryRow.id).limit(1)
            with self._ledger.reading() as session:
                number = session.scalar(query)
            if number is not None:
                self._claimed.add(number)
            return number

    def _try(self, number: int) -> None:
        with self._ledger.writing() as session:
            found = _current(session, number)
            if found is None:
                return
            delivery, series = found
            # Counted before the work: a delivery that ends the process each time is given up, too.
            spent = delivery.attempts >= self._retry.give_up_after
            delivery.attempts += not spent
            if series.state == State.SEGMENTED:
                progress.move(session, series, State.DELIVERING, f"delivery to {self._name} begins")
            path = self._home.results / series.seg_file
            told = delivery.last_error or "the process ended during each of them"
        if spent:
            self._give_up(number, self._spent(told), "failed")
            return
        try:
            receipt = self._target.deliver(path)
        except (RefusedError, InputError) as error:
            self._give_up(number, str(error), "refused")
        except (DeliveryError, OSError) as error:
            self._again(number, error)
        else:
            self._delivered(number, receipt)

    def _delivered(self, number: int, receipt: Receipt) -> None:
        self._counters.delivery(self._name, "delivered")
        with self._ledger.writing() as session:
            found = _current(session, number)
            if found is None:
                return
            delivery, series = found
            delivery.state, delivery.delivered_at, delivery.last_error = Sending.DELIVERED, now(), ""
            delivery.confirmed = receipt.confirmed
            facts = {"series": series.uid, "target": self._name, "seg": receipt.sop_instance_uid}
            log.info("delivered", extra={**facts, "confirmed": receipt.confirmed, "warning": receipt.warning})
            if series.state != State.DEAD:
                progress.finish_if_delivered(session, series)

    def _again(self, number: int, error: DeliveryError | OSError) -> None:
        reason = str(error)
        with self._ledger.writing() as session:
            found = _current(session, number)
            if found is None:
                return
            delivery, series = found
            if delivery.attempts < self._retry.give_up_after:
                pause = pause_before(delivery.attempts, self._retry, error)
                delivery.last_error, delivery.next_at = reason, now() + pause
                facts = {"series": series.uid, "target": self._name, "attempt": delivery.attempts}
                log.warning("delivery failed", extra={**facts, "again_in": round(pause, 1), "why": reason})
                self._counters.delivery(self._name, "failed")
                return
        self._give_up(number, self._spent(reason), "failed")

    def _spent(self, reason: str) -> str:
        return f"Given up after {self._retry.give_up_after} attempts: {reason}"

    def _give_up(self, number: int, reason: str, outcome: str) -> None:
        self._counters.delivery(self._name, outcome)
        with self._ledger.writing() as session:
            found = _current(session, number)
            if found is None:
                return
            delivery, series = found
            delivery.state, delivery.last_error = Sending.FAILED, reason
            progress.die(session, series, f"{self._name}: {reason}")


def give_up_unknown_targets(session: Session, known: set[str]) -> None:
    """Deliveries to targets that the configuration no longer has cannot be made: their series are given up."""
    waiting = (DeliveryRow.state == Sending.WAITING) & DeliveryRow.target.not_in(known)
    for delivery in session.scalars(select(DeliveryRow).where(waiting)).all():
        delivery.state = Sending.FAILED
        delivery.last_error = "The configuration has no such target any more; add it and retry."
        series = session.get_one(SeriesRow, delivery.series_uid)
        progress.die(session, series, f"{delivery.target}: {delivery.last_error}")


def _current(session: Session, number: int) -> tuple[DeliveryRow, SeriesRow] | None:
    """A delivery that still waits, and its series; None where a larger series took its place."""
    delivery = session.get_one(DeliveryRow, number)
    series = session.get_one(SeriesRow, delivery.series_uid)
    return (delivery, series) if delivery.state == Sending.WAITING else None
