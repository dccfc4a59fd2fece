"""C-STORE: the bytes as they came, durable, and noted in the ledger, before 0x0000 is answered."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass

from pydicom.dataset import Dataset
from sqlalchemy.exc import OperationalError

from sdseg.durable import replacing, sync
from sdseg.errors import InputError
from sdseg.node import reception
from sdseg.node.headers import MismatchError, identify
from sdseg.node.home import Home
from sdseg.node.ledger import Ledger
from sdseg.node.metrics import Counters
from sdseg.node.reception import Arrival
from sdseg.node.schema import InstanceRow, Kept, SeriesRow, State

log = logging.getLogger(__name__)

SUCCESS, OUT_OF_RESOURCES, MISMATCH, CANNOT_UNDERSTAND = 0x0000, 0xA700, 0xA900, 0xC000
OTHER_CONTENT, OTHER_SERIES = 0xC001, 0xC002
TAKES_OTHER_CONTENT = (State.DEAD, State.IGNORED)
LOCKS = 64


@dataclass(frozen=True)
class Request:
    """A C-STORE request.

    Attributes:
        association: its number in the ledger.
        calling_ae: who sends.
        sop_class, sop_uid: what the command announces.
        file: the whole PS3.10 file; `data_set`: without preamble and file meta information.
    """

    association: int
    calling_ae: str
    sop_class: str
    sop_uid: str
    file: bytes
    data_set: bytes


@dataclass(frozen=True)
class Answer:
    """A status of PS3.4 B.2.3 and, unless it is success, why."""

    status: int
    comment: str = ""

    def to_dataset(self) -> Dataset:
        """For pynetdicom: Status and, of a failure, Error Comment (0000,0902), an LO."""
        answer = Dataset()
        answer.Status = self.status
        if self.comment:
            answer.ErrorComment = self.comment[:64]
        return answer


class Intake:
    """Takes instances; may be called from many associations at once.

    Args:
        home: where files go.
        ledger: where they are noted.
        minimum_free_bytes: below it nothing new is taken.
        counters: of the metrics.
    """

    def __init__(self, home: Home, ledger: Ledger, minimum_free_bytes: float, counters: Counters) -> None:
        self._home, self._ledger, self._counters = home, ledger, counters
        self._minimum_free_bytes = minimum_free_bytes
        self._locks = [threading.Lock() for _ in range(LOCKS)]

    def store(self, request: Request) -> Answer:
        """Take one instance and say what became of it; never raises for what a sender or a full disk can cause."""
        answer = self._answer(request)
        if answer.status != SUCCESS:
            self._counters.refused(answer.status)
            facts = {"status": f"0x{answer.status:04X}", "calling_ae": request.calling_ae, "why": answer.comment}
            log.warning("instance refused", extra=facts)
        return answer

    def _answer(self, request: Request) -> Answer:
        try:
            arrival = identify(request.file, request.data_set, request.sop_class, request.sop_uid)
        except MismatchError as error:
            return Answer(MISMATCH, str(error))
        except InputError as error:
            return Answer(CANNOT_UNDERSTAND, str(error))
        try:
            with self._locks[hash(arrival.sop_uid) % LOCKS]:
                return self._take(arrival, request)
        except OperationalError as error:
            return Answer(OUT_OF_RESOURCES, f"The ledger cannot be written: {error.orig}.")
        except OSError as error:
            return Answer(OUT_OF_RESOURCES, f"The file cannot be written: {error.strerror}.")

    def _take(self, arrival: Arrival, request: Request) -> Answer:
        with self._ledger.reading() as session:
            known = session.get(InstanceRow, arrival.sop_uid)
            series = session.get(SeriesRow, arrival.series_uid)
        refusal = _conflict(arrival, known, series)
        if refusal:
            return refusal
        if known and not _wanted(arrival, known, series):
            return self._duplicate(arrival, request)
        if not arrival.is_image:
            return self._ignore(arrival, request)
        if self._home.free_bytes() < self._minimum_free_bytes:
            return Answer(OUT_OF_RESOURCES, "Too little space is left on the disk.")
        return self._keep(arrival, request)

    def _keep(self, arrival: Arrival, request: Request) -> Answer:
        path = self._home.received(arrival.series_uid, arrival.sop_uid)
        if not path.parent.is_dir():
            path.parent.mkdir(exist_ok=True)
            sync(path.parent.parent)
        with replacing(path) as file:
            file.write(request.file)
        with self._ledger.writing() as session:
            reception.register(session, arrival, request.calling_ae)
            reception.touch(session, request.association, arrival.series_uid)
        self._counters.received.inc()
        return Answer(SUCCESS)

    def _duplicate(self, arrival: Arrival, request: Request) -> Answer:
        with self._ledger.writing() as session:
            reception.touch(session, request.association, arrival.series_uid)
        self._counters.duplicates.inc()
        return Answer(SUCCESS)

    def _ignore(self, arrival: Arrival, request: Request) -> Answer:
        with self._ledger.writing() as session:
            reception.ignore(session, arrival, request.calling_ae)
        self._counters.ignored.inc()
        return Answer(SUCCESS)


def _conflict(arrival: Arrival, known: InstanceRow | None, series: SeriesRow | None) -> Answer | None:
    """Why this instance contradicts what was received before; a dead or ignored series may be sent anew."""
    if known and known.series_uid != arrival.series_uid:
        return Answer(OTHER_SERIES, "The same SOPInstanceUID was received in another series.")
    if series and series.study_uid != arrival.study_uid:
        return Answer(OTHER_SERIES, "The same SeriesInstanceUID was received in another study.")
    if known and series and known.sha256 != arrival.sha256 and series.state not in TAKES_OTHER_CONTENT:
        return Answer(OTHER_CONTENT, "Another object was received under this SOPInstanceUID before.")
    return None


def _wanted(arrival: Arrival, known: InstanceRow, series: SeriesRow | None) -> bool:
    """Whether the file of a known instance is needed again: changed, or gone while the series is not done."""
    if known.kept == Kept.IGNORED or series is None:
        return False
    if known.sha256 != arrival.sha256:
        return True
    return known.kept == Kept.REMOVED and series.state not in (State.DONE, State.IGNORED)
