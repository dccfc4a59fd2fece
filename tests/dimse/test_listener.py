"""Callers that hang, and callers that are no DICOM application, on a listener with and without TLS."""

import select
import socket
import ssl
import threading
from contextlib import contextmanager

import pytest
from pynetdicom import AE, evt

from sdseg.dimse.association import echo
from sdseg.dimse.contexts import listener_contexts
from sdseg.dimse.listener import Listening, listening
from sdseg.dimse.peer import Peer, Timeouts
from sdseg.tls import client_context
from sdseg.tls_files import TlsFiles

_HEADER_OF_A_LARGE_PDU = b"\x01\x00\x00\x00\xff\xff"


@pytest.fixture(params=["plain", "tls"])
def tls(request, pki) -> TlsFiles | None:
    return pki.server if request.param == "tls" else None


@pytest.fixture
def caller(tls, pki):
    return pki.ours if tls else None


@pytest.fixture
def ae():
    return AE(ae_title="SDSEG")


def serve(ae, tls):
    return listening(ae, Listening(port=0, tls=tls), listener_contexts())


def hurry(ae, seconds=1.0):
    """One association at a time, and little patience with it."""
    ae.maximum_associations = 1
    ae.network_timeout = ae.acse_timeout = seconds


def take_time(ae):
    """Patience again: from the next association on."""
    ae.network_timeout = ae.acse_timeout = 30


def test_silent_callers_keep_nobody_out(ae, tls, caller):
    with serve(ae, tls) as port:
        silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(5)]
        echo(Peer("SDSEG", "127.0.0.1", port, tls=caller, timeouts=Timeouts(connect=5, acse=5)))
        for connection in silent:
            connection.close()


@contextmanager
def connected(port, tls, pki):
    """A bare connection, without a word of DICOM."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        if tls is None:
            yield connection
            return
        context = ssl.create_default_context(cafile=pki.ca)
        context.load_cert_chain(pki.ours.certificate, pki.ours.key)
        with context.wrap_socket(connection, server_hostname="127.0.0.1") as secure:
            yield secure


def test_a_caller_that_stops_in_the_middle_of_a_message_gives_its_place_back(ae, tls, caller, pki):
    """One association is allowed; the caller that holds it says half a message and hangs."""
    hurry(ae)
    with serve(ae, tls) as port, connected(port, tls, pki) as connection:
        connection.sendall(_HEADER_OF_A_LARGE_PDU + b"half")
        assert connection.recv(1) == b""
        take_time(ae)
        echo(Peer("SDSEG", "127.0.0.1", port, tls=caller), pauses=(0.2,) * 20)


def test_a_caller_that_dribbles_is_cut_off(ae, tls, caller, pki):
    """A byte now and then keeps a read alive; the whole PDU has its limit all the same."""
    hurry(ae)
    with serve(ae, tls) as port, connected(port, tls, pki) as connection:
        connection.sendall(_HEADER_OF_A_LARGE_PDU)
        for _ in range(300):
            if select.select([connection], [], [], 0.05)[0]:
                break
            connection.sendall(b"x")
        assert connection.recv(1) == b""
        take_time(ae)
        echo(Peer("SDSEG", "127.0.0.1", port, tls=caller), pauses=(0.2,) * 20)


def test_a_message_of_gigabytes_is_cut_off_at_its_announcement(ae, tls, caller, pki):
    with serve(ae, tls) as port:
        with connected(port, tls, pki) as connection:
            connection.sendall(b"\x01\x00\xff\xff\xff\xff")
            assert connection.recv(1) == b""
        take_time(ae)
        echo(Peer("SDSEG", "127.0.0.1", port, tls=caller), pauses=(0.2,) * 20)


@pytest.mark.parametrize("rubbish", [b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 4096, b"\x04\x00\x00\x00\x00\x00", b""])
def test_rubbish_is_survived(ae, tls, caller, rubbish):
    with serve(ae, tls) as port:
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(rubbish)
        echo(Peer("SDSEG", "127.0.0.1", port, tls=caller))


def test_open_associations_are_ended_with_the_listener(ae, tls, caller):
    ended = threading.Event()
    with serve(ae, tls) as port:
        peer = Peer("SDSEG", "127.0.0.1", port, tls=caller)
        AE().associate(
            "127.0.0.1",
            port,
            contexts=listener_contexts()[:1],
            evt_handlers=[(evt.EVT_ABORTED, lambda event: ended.set())],
            tls_args=None if caller is None else (client_context(caller, peer.host), peer.host),
        )
    assert ended.wait(10)
