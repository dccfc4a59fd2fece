"""A small DICOMweb server on a real socket, which can be told to go wrong."""

from __future__ import annotations

import json
import re
import ssl
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any

import pydicom

SEARCH = re.compile(r"/dicom-web/studies/([\d.]+)/series/([\d.]+)/instances\?(.*)")
RETRIEVE = re.compile(r"/dicom-web/studies/([\d.]+)/series/([\d.]+)/instances/([\d.]+)")


@dataclass(frozen=True)
class Answer:
    """One answer out of the ordinary. `keep`: the object is kept all the same. `unread`: it comes before the body."""

    status: int = 200
    body: bytes = b""
    media_type: str = "application/dicom+json"
    headers: tuple[tuple[str, str], ...] = ()
    keep: bool = False
    unread: bool = False
    reset: bool = False
    silent: bool = False


@dataclass
class WebPacs:
    """The server's memory.

    Attributes:
        kept: SOP Instance UID -> file.
        seen: method, path, headers and size of the body of every request.
        stores, searches, roots: answers to the next of these requests, instead of the ordinary one.
        late: how many searches do not list what is there.
        sees_filter: whether the search heeds SOPInstanceUID; if not, it gives two results at a time.
    """

    url: str = ""
    kept: dict[str, bytes] = field(default_factory=dict)
    seen: list[tuple[str, str, Message, int]] = field(default_factory=list)
    stores: deque[Answer] = field(default_factory=deque)
    searches: deque[Answer] = field(default_factory=deque)
    roots: deque[Answer] = field(default_factory=deque)
    late: int = 0
    sees_filter: bool = True
    stopped: threading.Event = field(default_factory=threading.Event)

    def requests(self, method: str) -> list[tuple[str, str, Message, int]]:
        return [request for request in self.seen if request[0] == method]

    def found(self, study: str, series: str, query: str) -> list[dict[str, Any]]:
        headers = [pydicom.dcmread(BytesIO(file), stop_before_pixels=True) for file in list(self.kept.values())]
        uids = [str(h.SOPInstanceUID) for h in headers if (h.StudyInstanceUID, h.SeriesInstanceUID) == (study, series)]
        if self.sees_filter:
            uids = [uid for uid in uids if f"SOPInstanceUID={uid}" in query]
        else:
            offset = re.search(r"offset=(\d+)", query)
            uids = uids[int(offset[1]) if offset else 0 :][:2]
        if uids and self.late:
            self.late -= 1
            return []
        return [{"00080018": {"vr": "UI", "Value": [uid]}} for uid in uids]


def items(*uids: str, **codes: int) -> dict[str, Any]:
    """A sequence of references in DICOM JSON."""
    tags = {"failure": "00081197", "warning": "00081196"}
    codes_json = {tags[name]: {"vr": "US", "Value": [code]} for name, code in codes.items()}
    return {"vr": "SQ", "Value": [{"00081155": {"vr": "UI", "Value": [uid]}, **codes_json} for uid in uids]}


def stored_json(uid: str, **codes: int) -> bytes:
    return json.dumps({"00081199": items(uid, **codes), "00081198": {"vr": "SQ"}}).encode()


def failed_json(uid: str, **codes: int) -> bytes:
    return json.dumps({"00081198": items(uid, **codes)}).encode()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    pacs: WebPacs

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        self.pacs.seen.append(("GET", self.path, self.headers, 0))
        if match := RETRIEVE.fullmatch(self.path):
            self.reply(Answer(200, _part(self.pacs.kept[match[3]]), 'multipart/related; boundary="b"'))
        elif match := SEARCH.fullmatch(self.path):
            body = json.dumps(self.pacs.found(*match.groups())).encode()
            self.reply(self.pacs.searches.popleft() if self.pacs.searches else Answer(200, body))
        else:
            self.reply(self.pacs.roots.popleft() if self.pacs.roots else Answer(200, b"[]"))

    def do_POST(self) -> None:
        answer = self.pacs.stores.popleft() if self.pacs.stores else None
        size = int(self.headers.get("Content-Length", 0))
        if answer is not None and answer.unread:
            self.close_connection = True
            self.pacs.seen.append(("POST", self.path, self.headers, 0))
            self.reply(answer)
            self.rfile.read(size)  # as servers do: closing at once could take the answer back
            return
        body = self.rfile.read(size)
        self.pacs.seen.append(("POST", self.path, self.headers, len(body)))
        file = body.partition(b"\r\n\r\n")[2].rpartition(b"\r\n--")[0]
        uid = str(pydicom.dcmread(BytesIO(file), stop_before_pixels=True).SOPInstanceUID)
        if answer is None or answer.keep:
            self.pacs.kept.setdefault(uid, file)
        self.reply(answer or Answer(200, stored_json(uid)))

    def reply(self, answer: Answer) -> None:
        if answer.silent:
            self.pacs.stopped.wait(30)
        if answer.silent or answer.reset:
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        if answer.media_type:
            self.send_header("Content-Type", answer.media_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)


def _part(file: bytes) -> bytes:
    return b"\r\n--b\r\nContent-Type: application/dicom\r\n\r\n" + file + b"\r\n--b--\r\n"


@contextmanager
def web_pacs(tls: ssl.SSLContext | None = None) -> Iterator[WebPacs]:
    """A running server; with `tls` at https://localhost."""
    pacs = WebPacs()
    handler = type("Handler", (_Handler,), {"pacs": pacs})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    # A handshake that fails belongs to one connection, in a thread of its own.
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    scheme, host = ("https", "localhost") if tls else ("http", "127.0.0.1")
    pacs.url = f"{scheme}://{host}:{server.server_address[1]}/dicom-web"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield pacs
    finally:
        pacs.stopped.set()
        server.shutdown()
        server.server_close()
        thread.join()
