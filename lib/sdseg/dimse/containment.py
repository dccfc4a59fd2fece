"""What a stranger sends ends his own association, never the thread that serves it without a word."""

import logging
import struct

from pydicom.errors import InvalidDicomError
from pynetdicom.association import Association
from pynetdicom.fsm import InvalidEventError

_LOG = logging.getLogger(__name__)
_MALFORMED = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    InvalidDicomError,
    InvalidEventError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
)
"""What pynetdicom's state machine raises on PDUs and commands that are malformed, or come when they may not."""


def contain(association: Association) -> None:
    """Drop the connection where pynetdicom's upper layer (PS3.8 9.2) fails at what was received.

    pynetdicom lets the exception end the thread of the upper layer; that of the association then waits for it for
    ever, and keeps its place among the associations.
    """
    machine = association.dul.state_machine
    act = machine.do_action

    def do_action(event: str) -> None:
        try:
            act(event)
        except _MALFORMED as error:
            _LOG.warning("An association was dropped over what it sent: %s", type(error).__name__)
            _drop(association)

    machine.do_action = do_action


def _drop(association: Association) -> None:
    """End both threads of an association and its connection, as pynetdicom does after a PDU that it cannot read."""
    association.is_aborted, association.is_established = True, False
    association._kill = association.dul._kill_thread = True
    connection = association.dul.socket and association.dul.socket.socket
    if connection is not None:
        connection.close()
