"""A server that fails on command: an HTTP proxy in front of a real Orthanc, or MLflow."""

import http.client
import socket
import struct
import threading
from email.message import Message
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Protocol

_TIMEOUT = 60
_NOT_FORWARDED = {"connection", "transfer-encoding", "keep-alive", "host"}


class Archive(Protocol):
    """What stands behind."""

    @property
    def http_port(self) -> int: ...


class HttpFault(StrEnum):
    """How it behaves."""

    NONE = "works"
    UNAUTHORISED = "answers 401"
    UNAVAILABLE = "answers 503"
    EMPTY = "answers STOW with 200 and keeps nothing"
    RESET = "resets the connection"
    HANG = "does not answer"
    FORGETFUL = "keeps the object and resets the connection before it answers"


class HttpGate:
    """Listens on `port`; `fault` may be set at any time. Use it as a context manager."""

    def __init__(self, archive: Archive, port: int) -> None:
        self.port = port
        self.archive = archive
        self.met: dict[HttpFault, int] = dict.fromkeys(HttpFault, 0)
        self._fault = HttpFault.NONE
        self.changed = threading.Condition()
        gate = self

        class Handler(_Handler):
            def answer(self) -> None:
                self.pass_on(gate)

            do_GET = do_POST = do_HEAD = do_DELETE = do_PUT = answer

        self._server = _Server(("127.0.0.1", port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def dicomweb(self) -> str:
        """The DICOMweb address."""
        return f"http://127.0.0.1:{self.port}/dicom-web"

    @property
    def fault(self) -> HttpFault:
        return self._fault

    @fault.setter
    def fault(self, fault: HttpFault) -> None:
        with self.changed:
            self._fault = fault
            self.changed.notify_all()

    def __enter__(self) -> "HttpGate":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.fault = HttpFault.NONE  # lets go of those that hang
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that is killed resets its connection: not on the screen."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *arguments: object) -> None:
        """Not on the screen."""

    def pass_on(self, gate: HttpGate) -> None:
        """Read the request and answer it as the fault wants."""
        fault = gate.fault
        body = self._body()
        gate.met[fault] += 1
        if fault is HttpFault.HANG:
            with gate.changed:
                gate.changed.wait_for(lambda: gate.fault is not HttpFault.HANG)
            fault = HttpFault.RESET
        if fault is HttpFault.RESET:
            self._reset()
        elif fault is HttpFault.UNAUTHORISED:
            self._say(401, b"")
        elif fault is HttpFault.UNAVAILABLE:
            self._say(503, b"busy")
        elif fault is HttpFault.EMPTY and self.command == "POST":
            self._say(200, b"")
        else:
            self._forward(gate.archive, body, forgetful=fault is HttpFault.FORGETFUL and self.command == "POST")

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _forward(self, archive: Archive, body: bytes, forgetful: bool) -> None:
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _NOT_FORWARDED}
        headers["Content-Length"] = str(len(body))
        connection = http.client.HTTPConnection("127.0.0.1", archive.http_port, timeout=_TIMEOUT)
        try:
            connection.request(self.command, self.path, body, headers)
            reply = connection.getresponse()
            content = reply.read()
        except (OSError, http.client.HTTPException):  # Orthanc is stopped: what a proxy says then
            self._say(502, b"")
            return
        finally:
            connection.close()
        if forgetful:
            self._reset()
        else:
            self._say(reply.status, content, reply.headers)

    def _say(self, status: int, content: bytes, headers: Message | None = None) -> None:
        self.send_response(status)
        for name in ("Content-Type", "Content-Encoding"):
            if headers and (value := headers.get(name)):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _reset(self) -> None:
        """RST instead of FIN."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        # The dispatching server would say FIN first.
        self.rfile.close()
        self.connection.close()
