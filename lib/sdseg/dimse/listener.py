"""Listening for associations, for as long as a block of code runs."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from pynetdicom import AE
from pynetdicom.presentation import PresentationContext

from sdseg.dimse.association import Handlers
from sdseg.dimse.commitment import Commitments
from sdseg.dimse.contexts import report_listener_contexts
from sdseg.dimse.entity import introduce
from sdseg.dimse.peer import CALLING, ae_title
from sdseg.dimse.server import Server
from sdseg.errors import InputError
from sdseg.tls import server_context
from sdseg.tls_files import TlsFiles

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
        server = introduce(ae).make_server(
            (where.host, where.port),
            ae_title=where.ae_title,
            contexts=list(contexts),
            ssl_context=tls,
            evt_handlers=list(handlers),
            server_class=Server,
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
