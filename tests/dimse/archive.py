"""A PACS on a real socket that can fail in many ways: pynetdicom's own server, none of our code."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from socketserver import BaseServer
from typing import Any

import pydicom
from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEG2000Lossless, RLELossless
from pynetdicom import AE, AllStoragePresentationContexts, build_role, evt
from pynetdicom.dimse_messages import N_ACTION_RSP
from pynetdicom.presentation import PresentationContext, build_context
from pynetdicom.sop_class import (
    StorageCommitmentPushModel,
    StorageCommitmentPushModelInstance,
    Verification,
)
from pynetdicom.transport import ThreadedAssociationServer

SYNTAXES = [ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless, JPEG2000Lossless]
CLASSES = [context.abstract_syntax for context in AllStoragePresentationContexts]
ANY = [build_context(klass, SYNTAXES) for klass in (*CLASSES, Verification)]
ONLY_IMPLICIT = [build_context(klass, ImplicitVRLittleEndian) for klass in CLASSES]
COMMITMENT = build_context(StorageCommitmentPushModel, [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
Report = Callable[["Archive", Dataset], Dataset | None]


@dataclass
class Archive:
    """What it was sent, and how it behaves.

    Attributes:
        status: answered to a C-STORE; `behaviour`, if given, comes before it.
        action_status: answered to a request for commitment.
        report: makes the Event Information of the report from the request; None: it never comes.
        same_association: whether reports come over the association of the request.
        listener: port on which reports are taken.
    """

    status: int = 0
    behaviour: Callable[[evt.Event], None] | None = None
    on_established: Callable[[evt.Event], None] = lambda event: None
    action_status: int = 0
    report: Report = lambda archive, request: all_committed(request)
    event_type: int = 1
    same_association: bool = True
    listener: int = 0
    tls: Any = None
    stored: dict[str, bytes] = field(default_factory=dict)
    proposed: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    associations: int = 0
    port: int = 0
    reported: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)

    def on_store(self, event: evt.Event) -> int:
        if self.behaviour is not None:
            self.behaviour(event)
        if self.status == 0 or self.status & 0xF000 == 0xB000:
            self.stored[str(event.request.AffectedSOPInstanceUID)] = event.encoded_dataset()
        return self.status

    def on_requested(self, event: evt.Event) -> None:
        self.associations += 1
        contexts = event.assoc.requestor.primitive.presentation_context_definition_list
        self.proposed += [(str(each.abstract_syntax), tuple(each.transfer_syntax)) for each in contexts]

    def on_action(self, event: evt.Event) -> tuple[int, None]:
        information = self.report(self, event.action_information)
        if self.action_status == 0 and information is not None:
            send = self._send_here if self.same_association else self._send_anew
            answered = threading.Event()
            event.assoc.bind(evt.EVT_DIMSE_SENT, lambda sent: _is_answer(sent) and answered.set())
            threading.Thread(target=send, args=(event.assoc, information, answered), daemon=True).start()
        return self.action_status, None

    def send_report(self, information: Dataset, event_type: int | None = None) -> int:
        """Report over a new association and return the status of the answer."""
        ae = AE(ae_title="ARCHIVE")
        role = build_role(StorageCommitmentPushModel, scp_role=True)
        association = ae.associate(
            "127.0.0.1", self.listener, contexts=[COMMITMENT], ae_title="SDSEG", ext_neg=[role], tls_args=self.tls
        )
        assert association.is_established
        try:
            return self._send(association, information, event_type)
        finally:
            association.release()

    def _send_anew(self, asking: Any, information: Dataset, answered: threading.Event) -> None:
        answered.wait()
        self.send_report(information)

    def _send_here(self, asking: Any, information: Dataset, answered: threading.Event) -> None:
        answered.wait()
        self._send(asking, information, None)

    def _send(self, association: Any, information: Dataset, event_type: int | None) -> int:
        answer, _ = association.send_n_event_report(
            information,
            self.event_type if event_type is None else event_type,
            StorageCommitmentPushModel,
            StorageCommitmentPushModelInstance,
        )
        self.answers.append(answer.Status)
        self.reported.set()
        return int(answer.Status)

    def dataset(self, sop_instance_uid: str) -> Dataset:
        """As it was sent."""
        return pydicom.dcmread(BytesIO(self.stored[sop_instance_uid]))


@contextmanager
def running(
    archive: Archive,
    contexts: Sequence[PresentationContext] = ANY,
    *,
    commitment: bool = True,
    ssl_context: Any = None,
    **settings: Any,
) -> Iterator[Archive]:
    """Serve `archive` on its port, or a free one; `settings` are attributes of pynetdicom's AE."""
    ae = AE(ae_title="ARCHIVE")
    for name, value in settings.items():
        setattr(ae, name, value)
    handlers = [
        (evt.EVT_C_STORE, archive.on_store),
        (evt.EVT_N_ACTION, archive.on_action),
        (evt.EVT_REQUESTED, archive.on_requested),
        (evt.EVT_ESTABLISHED, archive.on_established),
    ]
    offered = [*contexts, COMMITMENT] if commitment else list(contexts)
    server = ae.make_server(
        ("127.0.0.1", archive.port),
        contexts=offered,
        evt_handlers=handlers,
        ssl_context=ssl_context,
        server_class=ThreadedAssociationServer,
    )
    archive.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield archive
    finally:
        archive.over.set()
        BaseServer.shutdown(server)
        server.server_close()
        thread.join()
        for association in server.active_associations:
            association.abort()


def all_committed(request: Dataset) -> Dataset:
    information = Dataset()
    information.TransactionUID = request.TransactionUID
    information.ReferencedSOPSequence = request.ReferencedSOPSequence
    return information


def all_failed(request: Dataset, reason: int) -> Dataset:
    information = Dataset()
    information.TransactionUID = request.TransactionUID
    information.FailedSOPSequence = request.ReferencedSOPSequence
    for item in information.FailedSOPSequence:
        item.FailureReason = reason
    return information


def _is_answer(event: evt.Event) -> bool:
    return isinstance(event.message, N_ACTION_RSP)
