"""Why an association did not come about: what the peer or the network said, as one sentence."""

import socket
import ssl
from collections.abc import Collection
from typing import TypeAlias

from pynetdicom.association import Association
from pynetdicom.pdu_primitives import A_ABORT, A_ASSOCIATE, A_P_ABORT, A_RELEASE
from pynetdicom.sop_class import LabelMapSegmentationStorage

from sdseg.dimse.contexts import name_of
from sdseg.dimse.peer import Peer
from sdseg.errors import DeliveryError, RefusedError, SetupError
from sdseg.tls import client_context

# A-ASSOCIATE-RJ, PS3.8 table 9-21: (source, reason) in words.
_REASONS = {
    (1, 1): "it gives no reason",
    (1, 2): "it does not support the application context name",
    (1, 3): "it does not know our AE title {calling}; have it entered there",
    (1, 7): "its AE title is not {called}; correct the address",
    (2, 1): "it gives no reason",
    (2, 2): "it does not support the protocol version",
    (3, 1): "it is congested for the moment",
    (3, 2): "it has reached its limit of associations",
}
_PERMANENT = 1


Answer: TypeAlias = A_ASSOCIATE | A_RELEASE | A_ABORT | A_P_ABORT
"""What may come back on a request for an association, PS3.8 section 7."""


class NotConnectedError(DeliveryError):
    """No TCP connection: nothing listens there, or the network does not reach it."""


class BusyError(DeliveryError):
    """The peer rejected the association for the moment (A-ASSOCIATE-RJ, result 2, rejected-transient)."""


def failure_of(association: Association, peer: Peer, *, connected: bool, answer: Answer | None) -> DeliveryError:
    """The error of an association that was not established: RefusedError where trying again does not help, SetupError
    where somebody has to mend the set-up first.

    Args:
        connected: whether there was a connection.
        answer: what came back over it, be it an abort or its end.
    """
    if isinstance(answer, A_ASSOCIATE) and answer.result:
        return _rejection(peer, answer.result, answer.result_source, answer.diagnostic)
    if not connected:
        return _no_connection(peer)
    if association.rejected_contexts and not association.accepted_contexts:
        classes = sorted({context.abstract_syntax for context in association.rejected_contexts})
        names = ", ".join(name_of(klass) for klass in classes)
        return RefusedError(f"{peer.name} accepts none of {names}; {how_to_allow(classes)}.")
    if isinstance(answer, A_ASSOCIATE):
        return ended(peer, "as soon as it was open")
    if answer is not None:
        return ended(peer, "before it answered the request for an association")
    return DeliveryError(
        f"{peer.name} did not answer the request for an association within {peer.timeouts.acse:g} seconds; "
        "check that a DICOM application listens there."
    )


def how_to_allow(classes: Collection[str]) -> str:
    """What to do about a peer that does not accept these SOP classes."""
    if LabelMapSegmentationStorage in classes:
        return "allow them there (Orthanc: UnknownSopClassAccepted) or write BINARY segmentations"
    return "have them allowed there"


def ended(peer: Peer, when: str) -> DeliveryError:
    """The peer aborted, or closed the connection."""
    hint = "; with TLS it may not accept our certificate" if peer.tls is not None else ""
    return DeliveryError(f"{peer.name} aborted the association {when}{hint}; its log should say why.")


def _rejection(peer: Peer, result: int, source: int, reason: int) -> DeliveryError:
    words = _REASONS.get((source, reason), f"source {source}, reason {reason}")
    words = words.format(called=peer.called, calling=peer.calling)
    if result == _PERMANENT:
        return SetupError(f"{peer.name} rejected the association: {words}.")
    return BusyError(f"{peer.name} rejected the association for the moment: {words}; try again later.")


def _no_connection(peer: Peer) -> DeliveryError:
    """Connect once more to see why: pynetdicom keeps the reason to its log."""
    try:
        with socket.create_connection((peer.host, peer.port), timeout=peer.timeouts.connect) as connection:
            if peer.tls is not None:
                client_context(peer.tls, peer.host).wrap_socket(connection, server_hostname=peer.host).close()
    except ssl.SSLCertVerificationError as error:
        return SetupError(
            f"{peer.name} showed a certificate that is not accepted ({error.verify_message}); "
            "check the CA file and the host name."
        )
    except ssl.SSLError as error:
        return SetupError(
            f"{peer.name} did not agree on TLS ({error.reason}); check that it speaks TLS and our certificate."
        )
    except TimeoutError:
        return NotConnectedError(f"{peer.name} did not take the connection in time; check address and network.")
    except OSError as error:
        reason = error.strerror or str(error)
        return NotConnectedError(f"{peer.name} cannot be reached ({reason}); check the address and that it is running.")
    return NotConnectedError(f"{peer.name} did not take the connection at first; try again.")
