"""An archive over real HTTP that answers what a test says, and remembers what it was asked."""

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    headers: Message
    body: bytes


@dataclass
class Passing:
    """`answer` and its likes hold until another one."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    status: int = 200
    body: bytes | None = b"[]"
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/dicom+json"})
    unending: bool = False

    def answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.status, self.body, self.headers = status, body, headers

    def answer_packed(self, body: bytes) -> None:
        self.answer(200, gzip.compress(body), {"Content-Type": "application/dicom+json", "Content-Encoding": "gzip"})

    def hang_up(self) -> None:
        self.body = None

    @contextmanager
    def endless(self, media_type: str) -> Iterator[None]:
        self.answer(200, b"", {"Content-Type": media_type})
        self.unending = True
        self.released.clear()
        try:
            yield
        finally:
            self.unending = False


@contextmanager
def passing() -> Iterator[Passing]:
    state = Passing()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            state.asked.append(Asked(self.command, self.path, self.headers, self.rfile.read(length)))
            if state.body is None:
                self.close_connection = True
                return
            self.send_response(state.status)
            for name, value in state.headers.items():
                self.send_header(name, value)
            if not state.unending:
                self.send_header("Content-Length", str(len(state.body)))
            self.end_headers()
            self.wfile.write(state.body)
            if state.unending:
                self.pour()

        do_POST = do_GET

        def pour(self) -> None:
            """Until the other side hangs up."""
            self.close_connection = True
            try:
                while True:
                    self.wfile.write(b"x" * 65536)
            except OSError:
                state.released.set()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
