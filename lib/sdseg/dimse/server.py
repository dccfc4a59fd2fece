"""A DICOM server that a peer which hangs, or is no DICOM application at all, cannot hold up."""

import logging
import socket
import ssl
from socketserver import BaseServer
from typing import Any

from pynetdicom import evt
from pynetdicom.transport import ThreadedAssociationServer

from sdseg.dimse.connection import bound_pdus, keep_moving
from sdseg.dimse.containment import contain

_LOG = logging.getLogger(__name__)


class Server(ThreadedAssociationServer):
    """pynetdicom's server with time limits on every connection, and the TLS handshake off the accepting thread.

    The limit of one write, and of one PDU that is read, is the `network_timeout` of the AE. Without it a caller that
    stops in the middle of a message keeps its thread, and its place among the associations, for ever; and with
    pynetdicom's own handshake, one that connects and is silent keeps everybody else out.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.bind(evt.EVT_CONN_OPEN, self._opened)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = self.socket.accept()
        keep_moving(connection, self._limit)
        return connection, address

    @property
    def _limit(self) -> float:
        return float(self.ae.network_timeout or 60.0)

    def _opened(self, event: evt.Event) -> None:
        """Before the first byte of an association is read."""
        bound_pdus(event.assoc.dul.socket, self._limit)
        contain(event.assoc)

    def process_request_thread(self, request: socket.socket, client_address: Any) -> None:
        context: ssl.SSLContext | None = self.ssl_context
        if context is not None:
            try:
                request = context.wrap_socket(request, server_side=True)
            except OSError as error:
                _LOG.warning("TLS handshake with %s failed: %s", client_address[0], error)
                self.shutdown_request(request)
                return
        super().process_request_thread(request, client_address)

    def shutdown(self) -> None:
        """Take no more callers. pynetdicom's own wants the server in a private list of the AE."""
        BaseServer.shutdown(self)
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        _LOG.warning("A connection from %s was dropped", client_address[0], exc_info=True)
