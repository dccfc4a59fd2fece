"""Storage commitment, Push Model (PS3.4 annex J), as SCU: the book of what was asked for and what was reported."""

import threading
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass

from pydicom import Dataset
from pydicom.uid import UID, generate_uid
from pynetdicom import evt
from pynetdicom.association import Association
from pynetdicom.sop_class import StorageCommitmentPushModelInstance

from sdseg.dimse.association import answer_to
from sdseg.dimse.contexts import COMMITMENT
from sdseg.dimse.outcome import Outcome
from sdseg.dimse.peer import Peer
from sdseg.dimse.sent_file import SentFile
from sdseg.dimse.status import Verdict, action_verdict, in_words
from sdseg.errors import DeliveryError, RefusedError, SetupError

_REQUEST = 1  # Action Type ID, PS3.4 J.3.2.1.2
_REPORTS = (1, 2)  # Event Type ID: all committed; failures exist. PS3.4 J.3.3.1.2
_INSTANCE = UID(StorageCommitmentPushModelInstance)

# Answers to a report, PS3.7 10.1.1.1.8.
_SUCCESS, _NO_SUCH_INSTANCE, _NO_SUCH_EVENT, _NO_SUCH_ARGUMENT, _INVALID_ARGUMENT = (
    0x0000,
    0x0112,
    0x0113,
    0x0114,
    0x0115,
)


@dataclass
class _Transaction:
    archive: str
    instances: frozenset[str]
    outcome: Outcome | None = None
    read: bool = False


class Commitments:
    """The transactions of one of our AE titles. For several threads; one book serves all listeners and targets.

    A transaction stays in the book after nobody waits for it any more: a report that comes late is answered with
    success, and what it says is kept for the next try. The oldest are forgotten beyond `keep`.
    """

    def __init__(self, keep: int = 10_000) -> None:
        self._keep = keep
        self._book: OrderedDict[str, _Transaction] = OrderedDict()
        self._news = threading.Condition()

    @property
    def handlers(self) -> list[tuple[evt.EventType, object]]:
        """pynetdicom's event handlers, for whatever association or listener a report may come over."""
        return [(evt.EVT_N_EVENT_REPORT, self.on_report), (evt.EVT_N_ACTION, _refuse_request)]

    def ask(self, association: Association, peer: Peer, files: Collection[SentFile]) -> str:
        """Ask `peer` to commit to `files` (N-ACTION) and return the transaction UID; the report comes later.

        Raises SetupError: the peer does no storage commitment; RefusedError: it refuses this request; DeliveryError: it
        failed to take the request.
        """
        require_commitment(association, peer)
        transaction = generate_uid()
        with self._news:
            # Written down before it is sent: the report may be quicker than the answer.
            self._book[transaction] = _Transaction(peer.name, frozenset(file.sop_instance_uid for file in files))
            while len(self._book) > self._keep:
                self._book.popitem(last=False)
        _send(association, peer, _request(transaction, files))
        return transaction

    def wait(self, transaction: str, seconds: float) -> Outcome | None:
        """The report of a transaction, or None if none came within `seconds`."""
        with self._news:
            self._news.wait_for(lambda: self._reported(transaction) is not None, timeout=seconds)
            entry = self._reported(transaction)
            if entry is None:
                return None
            entry.read = True
            return entry.outcome

    def claim_late(self, peer: Peer, sop_instance_uid: str) -> bool:
        """Whether `peer` committed to an instance in a report which came when nobody waited any more.

        It counts once: whoever sends the instance again after that wants to know anew.
        """
        with self._news:
            late = [
                entry
                for entry in self._book.values()
                if not entry.read
                and entry.outcome is not None
                and entry.archive == peer.name
                and sop_instance_uid in entry.outcome.committed
            ]
            for entry in late:
                entry.read = True
            return bool(late)

    def on_report(self, event: evt.Event) -> tuple[int, Dataset | None]:
        """Handler for evt.EVT_N_EVENT_REPORT: the status to answer with."""
        if event.request.AffectedSOPInstanceUID not in (None, _INSTANCE):
            return _NO_SUCH_INSTANCE, None
        if event.event_type not in _REPORTS:
            return _NO_SUCH_EVENT, None
        information = event.event_information
        if "TransactionUID" not in information:
            return _NO_SUCH_ARGUMENT, None
        try:
            outcome = Outcome.of(information)
        except ValueError:
            return _INVALID_ARGUMENT, None
        return self._enter(str(information.TransactionUID), outcome), None

    def _enter(self, transaction: str, outcome: Outcome) -> int:
        with self._news:
            entry = self._book.get(transaction)
            if entry is None:
                return _INVALID_ARGUMENT
            # The first report counts; another one is a repetition by an archive that missed our answer.
            if entry.outcome is None:
                entry.outcome = Outcome(
                    outcome.committed & entry.instances,
                    {uid: reason for uid, reason in outcome.failed.items() if uid in entry.instances},
                )
                self._news.notify_all()
        return _SUCCESS

    def _reported(self, transaction: str) -> _Transaction | None:
        entry = self._book.get(transaction)
        return None if entry is None or entry.outcome is None else entry


def require_commitment(association: Association, peer: Peer) -> None:
    """Raises SetupError unless the peer accepted to be asked for storage commitment."""
    if not any(context.abstract_syntax == COMMITMENT.sop_class for context in association.accepted_contexts):
        raise SetupError(f"{peer.name} does no storage commitment; configure another way of confirmation.")


def _request(transaction: str, files: Collection[SentFile]) -> Dataset:
    """Action Information, PS3.4 table J.3-1."""
    information = Dataset()
    information.TransactionUID = transaction
    information.ReferencedSOPSequence = [_reference(file) for file in files]
    return information


def _reference(file: SentFile) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = file.sop_class, file.sop_instance_uid
    return item


def _send(association: Association, peer: Peer, information: Dataset) -> None:
    association.dimse_timeout = peer.timeouts.dimse
    message = "the request for storage commitment"
    status = answer_to(
        association,
        peer,
        message,
        lambda: association.send_n_action(information, _REQUEST, COMMITMENT.sop_class, _INSTANCE)[0],
    )
    verdict = action_verdict(status)
    told = f"{peer.name} answered {message} with status {in_words(status)}"
    if verdict is Verdict.REFUSED:
        raise RefusedError(f"{told}; configure another way of confirmation, or ask its keeper.")
    if verdict is Verdict.TRY_AGAIN:
        raise DeliveryError(f"{told}; try again later.")


def _refuse_request(event: evt.Event) -> tuple[int, Dataset | None]:
    """Handler for evt.EVT_N_ACTION: we commit to nothing (no such action)."""
    return 0x0123, None
