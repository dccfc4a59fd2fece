"""A PACS that takes objects by C-STORE, as destination of results."""

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

from pynetdicom.association import Association
from pynetdicom.presentation import PresentationContext, build_context

from sdseg.delivery.target import Confirmation, Receipt
from sdseg.dimse.association import associated, echo
from sdseg.dimse.commitment import Commitments, require_commitment
from sdseg.dimse.contexts import COMMITMENT
from sdseg.dimse.listener import Listening, reports_listener
from sdseg.dimse.outcome import Outcome
from sdseg.dimse.peer import Peer
from sdseg.dimse.sent_file import SentFile
from sdseg.dimse.status import commitment_may_pass, commitment_reason
from sdseg.dimse.store import Stored, storage_contexts, store_file
from sdseg.errors import DeliveryError, InputError, RefusedError

# Seconds that an association stays open for a report over itself: some archives use it, most call back.
_HOLD = 5.0
# Seconds until the report must have come.
PATIENCE = 60.0
ArrivalCheck = Callable[[Path], None]


class DimseTarget(AbstractContextManager["DimseTarget"]):
    """C-STORE to `peer` and a confirmation of the arrival. For several threads.

    Args:
        peer: the PACS.
        confirm: COMMITMENT, or QIDO with `arrived`, or NONE.
        commitments: the book whose `on_report` a listener of the caller feeds (the node's). It must listen as
            `peer.calling` where the PACS sends reports to.
        listen: instead of it, a listener of our own that lives until `close`. With neither, a report can only come
            over the association that asked for it.
        arrived: looks whether the archive lists the object of a file, raises DeliveryError if not.
        patience: seconds until the report of storage commitment must have come.
        held_counts: an archive that refuses an object but commits to it has it from an attempt whose answer was lost.
            Only for objects whose UID follows from their content: what it holds might be another one.

    Raises InputError: the choices contradict each other, or the listener's address is taken.
    """

    def __init__(
        self,
        peer: Peer,
        confirm: Confirmation = Confirmation.COMMITMENT,
        *,
        commitments: Commitments | None = None,
        listen: Listening | None = None,
        arrived: ArrivalCheck | None = None,
        patience: float = PATIENCE,
        held_counts: bool = False,
    ) -> None:
        if (confirm is Confirmation.QIDO) != (arrived is not None):
            raise InputError(f"{peer.name} can be confirmed by QIDO only with a DICOMweb address of the same archive.")
        if listen is not None and commitments is not None:
            raise InputError(f"Reports of {peer.name} are heard by one listener: give the book or where to listen.")
        if listen is not None and listen.ae_title != peer.calling:
            raise InputError(f"{peer.name} reports to whom asked it: listen as {peer.calling}, not {listen.ae_title}.")
        self._peer, self._confirm, self._arrived, self._patience = peer, confirm, arrived, patience
        self._held_counts = held_counts
        self._commitments = commitments or Commitments()
        self._resources = ExitStack()
        self.listening_on = 0
        """Port of the listener of our own; 0: there is none."""
        if listen is not None and confirm is Confirmation.COMMITMENT:
            self.listening_on = self._resources.enter_context(reports_listener(self._commitments, listen))

    @property
    def name(self) -> str:
        return self._peer.name

    def check(self) -> None:
        """C-ECHO. Raises DeliveryError."""
        echo(self._peer)

    def deliver(self, path: Path) -> Receipt:
        """C-STORE of one file and its confirmation. Raises RefusedError, DeliveryError, InputError."""
        file = SentFile.read(path)
        if self._confirm is Confirmation.COMMITMENT:
            if self._commitments.claim_late(self._peer, file.sop_instance_uid):
                return Receipt(file.sop_instance_uid, self._confirm, already_there=True)
            return self._receipt(self._store_and_commit(file))
        with associated(self._peer, storage_contexts([file])) as association:
            stored = store_file(association, self._peer, file)
        if self._arrived is not None:
            self._arrived(path)
        return self._receipt(stored)

    def close(self) -> None:
        """Stop the listener of our own, if there is one."""
        self._resources.close()

    def __exit__(self, *_: object) -> None:
        self.close()

    def _store_and_commit(self, file: SentFile) -> Stored:
        contexts = [*storage_contexts([file]), _commitment_context()]
        with associated(self._peer, contexts, handlers=self._commitments.handlers) as association:
            require_commitment(association, self._peer)
            try:
                stored = store_file(association, self._peer, file)
            except RefusedError as error:
                if not (self._held_counts and self._is_held(association, file)):
                    raise
                return Stored(file.sop_instance_uid, duplicate=True, warning=str(error))
            transaction = self._commitments.ask(association, self._peer, [file])
            outcome = self._commitments.wait(transaction, min(_HOLD, self._patience))
        if outcome is None:
            outcome = self._commitments.wait(transaction, max(0.0, self._patience - _HOLD))
        self._judge(file, outcome)
        return stored

    def _is_held(self, association: Association, file: SentFile) -> bool:
        """Whether the archive commits to an object that it has just refused."""
        try:
            transaction = self._commitments.ask(association, self._peer, [file])
        except DeliveryError:
            return False
        outcome = self._commitments.wait(transaction, self._patience)
        return outcome is not None and file.sop_instance_uid in outcome.committed

    def _judge(self, file: SentFile, outcome: Outcome | None) -> None:
        uid = file.sop_instance_uid
        if outcome is None:
            raise DeliveryError(
                f"{self.name} stored {uid} but reported no storage commitment within {self._patience:g} seconds; "
                f"check that it knows where {self._peer.calling} listens."
            )
        if uid in outcome.committed:
            return
        reason = outcome.failed.get(uid)
        if reason is None:
            raise DeliveryError(f"{self.name} reported storage commitment without a word on {uid}; try again later.")
        told = f"{self.name} did not commit to {uid}: {commitment_reason(reason)}"
        if commitment_may_pass(reason):
            raise DeliveryError(f"{told}; try again later.")
        raise RefusedError(f"{told}; its log should say why.")

    def _receipt(self, stored: Stored) -> Receipt:
        return Receipt(stored.sop_instance_uid, self._confirm, stored.duplicate, stored.warning)


def _commitment_context() -> PresentationContext:
    return build_context(COMMITMENT.sop_class, list(COMMITMENT.transfer_syntaxes))
