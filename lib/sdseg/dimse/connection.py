"""Settings of a TCP connection to a DICOM peer."""

import socket


def keep_moving(connection: socket.socket, seconds: float) -> None:
    """Give up a read or write that does not move for `seconds`, and notice a peer that vanished without a word.

    Without it pynetdicom's thread waits for ever for the rest of a message, and nothing can end it.
    """
    connection.settimeout(seconds)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
