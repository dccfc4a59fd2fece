"""Limits of a TCP connection to a DICOM peer that hangs, dribbles, or says more than anybody has to say."""

import socket
import time

from pynetdicom.transport import AssociationSocket

LARGEST_PDU = 1 << 20
"""Bytes. Data comes in PDUs of the size that we announce, 16 kB; an association request of 128 contexts has 200 kB."""
_PIECE = 1 << 14


def keep_moving(connection: socket.socket, seconds: float) -> None:
    """Give up a read or write that does not move for `seconds`, and notice a peer that vanished without a word.

    Without it pynetdicom's thread waits for ever for the rest of a message, and nothing can end it.
    """
    connection.settimeout(seconds)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def bound_pdus(association: AssociationSocket, seconds: float) -> None:
    """End the connection over a PDU (PS3.8 9.3) that is too large, or not complete within `seconds`.

    pynetdicom believes the four bytes of length that a stranger sends, and takes up to 4 GB into memory.
    """

    def receive(size: int) -> bytearray:
        if size > LARGEST_PDU:
            raise OSError(f"a PDU of {size} bytes was announced")
        return _read(association.socket, size, seconds)

    association.recv = receive


def _read(connection: socket.socket, size: int, seconds: float) -> bytearray:
    """So many bytes, or fewer at the end of the connection. Raises TimeoutError, OSError."""
    end = time.monotonic() + seconds
    read = bytearray()
    try:
        while len(read) < size:
            left = end - time.monotonic()
            if left <= 0:
                raise TimeoutError("a PDU did not come to its end")
            connection.settimeout(left)
            piece = connection.recv(min(_PIECE, size - len(read)))
            if not piece:
                break
            read += piece
    finally:
        connection.settimeout(seconds)
    return read
