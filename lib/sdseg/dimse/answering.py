"""Reports that come over an association of ours: it must not be released before the answer to them is on its way."""

import threading

from pynetdicom import evt
from pynetdicom.dimse_messages import N_EVENT_REPORT_RQ, N_EVENT_REPORT_RSP
from pynetdicom.pdu import P_DATA_TF


class Answering:
    """Counts reports without answer. pynetdicom answers on a thread of its own, and an answer after the release
    request ends its state machine with an error."""

    def __init__(self) -> None:
        self._news = threading.Condition()
        self._open = 0
        self._being_sent = 0

    @property
    def handlers(self) -> list[tuple[evt.EventType, object]]:
        return [
            (evt.EVT_DIMSE_RECV, self._received),
            (evt.EVT_DIMSE_SENT, self._answered),
            (evt.EVT_PDU_SENT, self._sent),
        ]

    def wait(self, seconds: float) -> None:
        """Return when every report that came is answered, or after so long."""
        with self._news:
            self._news.wait_for(lambda: self._open <= 0, timeout=seconds)

    def _received(self, event: evt.Event) -> None:
        if isinstance(event.message, N_EVENT_REPORT_RQ):
            with self._news:
                self._open += 1

    def _answered(self, event: evt.Event) -> None:
        """The answer is made, not yet sent; it fits into one PDU, as it has no data set."""
        if isinstance(event.message, N_EVENT_REPORT_RSP):
            with self._news:
                self._being_sent += 1

    def _sent(self, event: evt.Event) -> None:
        with self._news:
            if self._being_sent and isinstance(event.pdu, P_DATA_TF):
                self._being_sent -= 1
                self._open -= 1
                self._news.notify_all()
