"""A DICOM listener that a peer which hangs, or is no DICOM application at all, cannot hold up."""

import logging
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from socketserver import BaseServer
from typing import Any

from pynetdicom import AE
from pynetdicom.presentation import PresentationContext
from pynetdicom.transport import ThreadedAssociationServer

from sdseg.delivery.target import TlsFiles
from sdseg.dimse.association import Handlers
from sdseg.dimse.commitment import Commitments
from sdseg.dimse.connection import keep_moving
from sdseg.dimse.contexts import report_listener_contexts
from sdseg.dimse.peer import CALLING, ae_title
from sdseg.dimse.tls import server_context
from sdseg.errors import InputError

_LOG = logging.getLogger(__name__)
_LAST_PORT = 65535


@dataclass(frozen=True)
class Listening:
    """Where and as whom to listen. Raises InputError: no AE title or port.

    Attributes:
        ae_title: of ours, which callers must call.
        host, port: address to listen on; port 0: any that is free.
        tls: files of the TLS connection; None: not encrypted.
    """

    ae_title: str = CALLING
    host: str = "127.0.0.1"
    port: int = 11112
    tls: TlsFiles | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "ae_title", ae_title(self.ae_title))
        if not 0 <= self.port <= _LAST_PORT:
            raise InputError(f"Port {self.port} to listen on is not between 0 and {_LAST_PORT}.")


class _Server(ThreadedAssociationServer):
    """pynetdicom's server with time limits on every connection, and the TLS handshake off the accepting thread."""

    daemon_threads = True
    request_queue_size = 64

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = self.socket.accept()
        keep_moving(connection, self.ae.network_timeout or 60.0)
        return connection, address

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


@contextmanager
def listening(
    ae: AE,
    where: Listening,
    contexts: Sequence[PresentationContext],
    handlers: Handlers = (),
    *,
    grace: float = 0.0,
) -> Iterator[int]:
    """Accept associations until the block ends; gives the port.

    Those still open at the end have `grace` seconds each to finish and are then aborted.

    `ae` holds the timeouts, limits and the titles asked for; the contexts it supports are `contexts`.
    Raises InputError: the address is taken or not ours, or the TLS files do not fit.
    """
    tls = None if where.tls is None else server_context(where.tls)
    try:
        server = ae.make_server(
            (where.host, where.port),
            ae_title=where.ae_title,
            contexts=list(contexts),
            ssl_context=tls,
            evt_handlers=list(handlers),
            server_class=_Server,
        )
    except OSError as error:
        raise InputError(
            f"No DICOM listener is possible on {where.host}:{where.port} ({error.strerror or error}); "
            "give another host or port."
        ) from error
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        thread.join()
        for association in server.active_associations:
            association.join(grace)
            association.abort()


@contextmanager
def reports_listener(commitments: Commitments, where: Listening) -> Iterator[int]:
    """Listen for reports of storage commitment, and C-ECHO, until the block ends; gives the port."""
    ae = AE(ae_title=where.ae_title)
    ae.require_called_aet = True
    with listening(ae, where, report_listener_contexts(), commitments.handlers) as port:
        yield port
