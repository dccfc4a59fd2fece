"""A DICOM archive that fails on command: a C-STORE and storage commitment SCP in front of a real Orthanc.

What it takes it hands to Orthanc, and of a commitment request it says what Orthanc really holds.
"""

import threading
from collections.abc import Iterable, Iterator
from enum import StrEnum
from types import TracebackType

import requests
from pydicom.dataset import Dataset
from pynetdicom import AE, AllStoragePresentationContexts, evt
from pynetdicom.presentation import build_role
from pynetdicom.sop_class import StorageCommitmentPushModel, StorageCommitmentPushModelInstance, Verification

from sdseg.demo.orthanc import Orthanc
from sdseg.demo.router import Peer

OUT_OF_RESOURCES = 0xA700
COERCED = 0xB000
CANNOT_UNDERSTAND = 0xC000
NO_SUCH_OBJECT = 0x0112
_TIMEOUT = 30


class DimseFault(StrEnum):
    """How it behaves."""

    NONE = "works"
    FULL = "answers C-STORE with 0xA700"
    BROKEN = "answers C-STORE with 0xC000"
    ABORT = "aborts the association at the C-STORE"
    REJECT = "rejects associations"
    HANG = "does not answer the C-STORE"
    LIE = "answers C-STORE with 0x0000 and keeps nothing"
    WARN = "keeps the object and answers 0xB000"
    NO_COMMITMENT = "keeps the object and never reports the commitment"
    REFUSE_COMMITMENT = "keeps the object and reports that it does not"


class DimseGate:
    """Listens as `ae_title` on `port`; `fault` may be set at any time. Use it as a context manager.

    Args:
        archive: what keeps the objects.
        reports_to: where commitment is reported: the node, called as it calls itself.
        port: to listen on.
    """

    def __init__(self, archive: Orthanc, reports_to: Peer, port: int, ae_title: str = "GATE") -> None:
        self.ae_title, self.port = ae_title, port
        self._archive = archive
        self._node = reports_to
        self._fault = DimseFault.NONE
        self._changed = threading.Condition()
        self.met: dict[DimseFault, int] = dict.fromkeys(DimseFault, 0)
        self._entity = AE(ae_title=ae_title)
        self._entity.maximum_associations = 50
        self._entity.supported_contexts = AllStoragePresentationContexts
        self._entity.add_supported_context(Verification)
        self._entity.add_supported_context(StorageCommitmentPushModel, scu_role=True, scp_role=True)

    @property
    def dimse(self) -> str:
        """Its address, as the node's configuration writes it."""
        return f"dicom://{self.ae_title}@127.0.0.1:{self.port}"

    @property
    def fault(self) -> DimseFault:
        return self._fault

    @fault.setter
    def fault(self, fault: DimseFault) -> None:
        with self._changed:
            self._fault = fault
            self._changed.notify_all()

    def __enter__(self) -> "DimseGate":
        handlers = [
            (evt.EVT_REQUESTED, self._requested),
            (evt.EVT_C_STORE, self._store),
            (evt.EVT_N_ACTION, self._commit),
        ]
        self._server = self._entity.start_server(("127.0.0.1", self.port), block=False, evt_handlers=handlers)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.fault = DimseFault.NONE  # lets go of those that hang
        self._server.shutdown()

    def _requested(self, event: evt.Event) -> None:
        if self._fault is DimseFault.REJECT:
            self.met[DimseFault.REJECT] += 1
            event.assoc.acse.send_reject(0x02, 0x03, 0x02)  # transient, presentation: local limit exceeded
            event.assoc.kill()

    def _store(self, event: evt.Event) -> int:
        fault = self._fault
        self.met[fault] += 1
        if fault is DimseFault.HANG:
            with self._changed:
                self._changed.wait_for(lambda: self._fault is not DimseFault.HANG)
            fault = DimseFault.ABORT
        if fault is DimseFault.ABORT:
            event.assoc.abort()
            return CANNOT_UNDERSTAND
        answers = {DimseFault.FULL: OUT_OF_RESOURCES, DimseFault.BROKEN: CANNOT_UNDERSTAND, DimseFault.LIE: 0}
        if fault in answers:
            return answers[fault]
        try:
            self._archive.take(event.encoded_dataset())
        except requests.RequestException:  # Orthanc is stopped: what a real archive says then
            return OUT_OF_RESOURCES
        return COERCED if fault is DimseFault.WARN else 0

    def _commit(self, event: evt.Event) -> tuple[int, None]:
        fault = self._fault
        if fault is DimseFault.NO_COMMITMENT:
            self.met[fault] += 1
            return 0, None
        request = event.action_information
        pairs = [(item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID) for item in request.ReferencedSOPSequence]
        if fault is DimseFault.REFUSE_COMMITMENT:
            self.met[fault] += 1
            held = set[str]()
        else:
            held = set(self._held(uid for _, uid in pairs))
        report = Dataset()
        report.TransactionUID = request.TransactionUID
        report.ReferencedSOPSequence = [_item(*pair) for pair in pairs if pair[1] in held]
        report.FailedSOPSequence = [_item(*pair, NO_SUCH_OBJECT) for pair in pairs if pair[1] not in held]
        if not report.FailedSOPSequence:
            del report.FailedSOPSequence
        if not report.ReferencedSOPSequence:
            del report.ReferencedSOPSequence
        threading.Thread(target=self._report, args=(report,), daemon=True).start()
        return 0, None

    def _held(self, uids: Iterable[str]) -> Iterator[str]:
        for uid in uids:
            try:
                if self._archive.holds(uid):
                    yield uid
            except requests.RequestException:
                return

    def _report(self, report: Dataset) -> None:
        """N-EVENT-REPORT over an association of its own (PS3.4 J.3.3); a node that is down misses it."""
        entity = AE(ae_title=self.ae_title)
        entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = _TIMEOUT
        entity.add_requested_context(StorageCommitmentPushModel)
        association = entity.associate(
            self._node.host,
            self._node.port,
            ae_title=self._node.called,
            ext_neg=[build_role(StorageCommitmentPushModel, scp_role=True)],
        )
        if not association.is_established:
            return
        event_type = 2 if "FailedSOPSequence" in report else 1
        association.send_n_event_report(
            report, event_type, StorageCommitmentPushModel, StorageCommitmentPushModelInstance
        )
        association.release()


def _item(sop_class: str, sop_uid: str, reason: int | None = None) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, sop_uid
    if reason is not None:
        item.FailureReason = reason
    return item
