"""The associations that are open, and what the ledger is told of their beginning and end."""

from __future__ import annotations

import logging
import threading

from pynetdicom.association import Association
from sqlalchemy.exc import OperationalError

from sdseg.node import reception
from sdseg.node.ledger import Ledger

log = logging.getLogger(__name__)


class Associations:
    """For several threads.

    Args:
        ledger: where they are noted.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._numbers: dict[Association, int] = {}
        self._lock = threading.Lock()

    def opened(self, association: Association) -> None:
        """Note an association; one that cannot be noted has no number, and its instances are refused."""
        remote = association.requestor
        try:
            with self._ledger.writing() as session:
                number = reception.association_opened(session, remote.primitive.calling_ae_title, remote.address)
        except OperationalError as error:
            log.error("association not noted", extra={"why": str(error.orig)})
            return
        with self._lock:
            self._numbers[association] = number

    def number_of(self, association: Association) -> int | None:
        """Its number in the ledger."""
        with self._lock:
            return self._numbers.get(association)

    def ended(self, association: Association, outcome: str) -> None:
        """Note the end: released, aborted or lost."""
        with self._lock:
            number = self._numbers.pop(association, None)
        if number is None:
            return
        try:
            with self._ledger.writing() as session:
                reception.association_ended(session, number, outcome)
        except OperationalError as error:
            log.error("end of an association not noted", extra={"why": str(error.orig)})
            with self._lock:
                self._numbers[association] = number  # `note_lost` tries again
            return
        if outcome != "released":
            log.warning("association ended early", extra={"association": number, "outcome": outcome})

    def note_lost(self) -> None:
        """Note the end of those whose thread ended without a word."""
        with self._lock:
            gone = [association for association in self._numbers if not association.is_alive()]
        for association in gone:
            self.ended(association, "released" if association.is_released else "lost")
