"""Associations with a peer: opened with exactly the contexts that are wanted, released or aborted at the end."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pydicom import Dataset
from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.presentation import PresentationContext, build_context

from sdseg.dimse.answering import Answering
from sdseg.dimse.connection import bound_pdus, keep_moving
from sdseg.dimse.contexts import VERIFICATION
from sdseg.dimse.entity import introduce
from sdseg.dimse.negotiation import BusyError, NotConnectedError, ended, failure_of
from sdseg.dimse.peer import Peer
from sdseg.errors import DeliveryError
from sdseg.tls import client_context

# Seconds to wait before the second try, the third ...: a PACS that restarts, a full list of associations.
PAUSES = (0.5, 2.0)
Handlers = Sequence[tuple[Any, ...]]


@contextmanager
def associated(
    peer: Peer, contexts: Sequence[PresentationContext], *, handlers: Handlers = (), pauses: Sequence[float] = PAUSES
) -> Iterator[Association]:
    """An established association that proposed `contexts`; at least one is accepted, perhaps not all.

    Released when the block ends well, aborted when it raises. A peer that cannot be reached, or rejects for the
    moment, is tried again after `pauses` seconds; nothing else is. `handlers` are pynetdicom's, for events.
    Raises RefusedError (rejected for good, no context accepted), DeliveryError, InputError (TLS files).
    """
    answering = Answering()
    association = _open(peer, contexts, [*handlers, *answering.handlers], pauses)
    try:
        yield association
    except BaseException:
        association.abort()
        raise
    answering.wait(peer.timeouts.acse)
    association.release()


def echo(peer: Peer, *, pauses: Sequence[float] = ()) -> None:
    """C-ECHO (PS3.4 annex A). Raises DeliveryError unless the peer answers with success."""
    context = build_context(VERIFICATION.sop_class, list(VERIFICATION.transfer_syntaxes))
    with associated(peer, [context], pauses=pauses) as association:
        status = answer_to(association, peer, "the C-ECHO", association.send_c_echo)
    if status != 0:
        raise DeliveryError(f"{peer.name} answered the C-ECHO with status 0x{status:04X}; its log should say why.")


def answer_to(association: Association, peer: Peer, message: str, send: Callable[[], Dataset]) -> int:
    """Send a message and return the status of the answer. Raises DeliveryError: there is none."""
    since = time.monotonic()
    try:
        answer = send()
    except RuntimeError as error:
        # pynetdicom's word for an association that is over.
        raise ended(peer, f"before {message}") from error
    if "Status" in answer:
        return int(answer.Status)
    limit = float(association.dimse_timeout)
    if time.monotonic() - since < limit:
        raise ended(peer, f"instead of answering {message}")
    raise DeliveryError(f"{peer.name} did not answer {message} within {limit:.3g} seconds; try again later.")


def _open(
    peer: Peer, contexts: Sequence[PresentationContext], handlers: Handlers, pauses: Sequence[float]
) -> Association:
    for pause in pauses:
        try:
            return _try(peer, contexts, handlers)
        except (NotConnectedError, BusyError):
            time.sleep(pause)
    return _try(peer, contexts, handlers)


def _try(peer: Peer, contexts: Sequence[PresentationContext], handlers: Handlers) -> Association:
    ae = introduce(AE(ae_title=peer.calling))
    ae.connection_timeout = peer.timeouts.connect
    ae.acse_timeout = peer.timeouts.acse
    ae.dimse_timeout = peer.timeouts.dimse
    ae.network_timeout = peer.timeouts.network
    opened: list[evt.Event] = []
    answers: list[evt.Event] = []

    def on_open(event: evt.Event) -> None:
        opened.append(event)
        keep_moving(event.assoc.dul.socket.socket, peer.timeouts.network)
        bound_pdus(event.assoc.dul.socket, peer.timeouts.network)

    try:
        association = ae.associate(
            peer.host,
            peer.port,
            contexts=list(contexts),
            ae_title=peer.called,
            evt_handlers=[(evt.EVT_CONN_OPEN, on_open), (evt.EVT_ACSE_RECV, answers.append), *handlers],
            tls_args=None if peer.tls is None else (client_context(peer.tls, peer.host), peer.host),
        )
    except (OSError, UnicodeError) as error:
        raise NotConnectedError(f"The host of {peer.name} is not known here ({error}); check the address.") from error
    if association.is_established:
        return association
    if not answers:
        # A peer that rejects and closes at once: pynetdicom looks at the connection first, finds it closed, and leaves
        # the rejection that came over it unread.
        association.dul.receive_pdu(wait=False)
    answer = answers[-1].primitive if answers else None
    raise failure_of(association, peer, connected=bool(opened), answer=answer)
