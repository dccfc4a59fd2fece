"""The whole server beside a folder which nothing may open, and requests as an attacker writes them."""

import http.client
import io
import subprocess
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import requests
from app.running_server import end_group, server_environment, stock_command
from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from sdseg.serving.launch import free_port

CANARY = "CANARY-3f1d9a"


class Watch(FileSystemEventHandler):
    """Every file below `folder` that anybody opens, changes, makes or removes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._touched: list[str] = []
        self._seen = threading.Event()

    def on_any_event(self, event: FileSystemEvent) -> None:
        if not event.is_directory or event.event_type not in ("opened", "closed_no_write"):
            self._touched.append(f"{event.event_type} {event.src_path}")
        if str(event.src_path).endswith("control"):
            self._seen.set()

    @contextmanager
    def watching(self) -> Iterator[None]:
        observer = Observer()
        observer.schedule(self, str(self._folder), recursive=True)
        observer.start()
        try:
            yield
        finally:
            observer.stop()
            observer.join(timeout=10)

    def touched(self) -> list[str]:
        """What was touched so far. That the watch works is seen by a file of our own."""
        (self._folder / "control").touch()
        assert self._seen.wait(timeout=20), "the watch does not see anything"
        return [line for line in self._touched if not line.endswith("control") and not line.endswith(self._folder.name)]


@dataclass
class Whole:
    """A running server; `token` goes with every request."""

    port: int
    studies: Path
    outside: Path
    log: Path
    watch: Watch
    token: str = ""
    files: dict[str, bytes] = field(default_factory=dict)

    def ask(
        self, method: str, target: str, body: bytes | None = None, kind: str = "", **headers: str
    ) -> tuple[int, bytes]:
        """Exactly this target, which clients of good manners would tidy first: status and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        given = {**({"Authorization": f"Bearer {self.token}"} if self.token else {}), **headers}
        try:
            connection.putrequest(method, target, skip_accept_encoding=True)
            for name, value in {**given, **({"Content-Type": kind} if kind else {})}.items():
                connection.putheader(name, value)
            connection.putheader("Content-Length", str(len(body or b"")))
            connection.endheaders(body)
            reply = connection.getresponse()
            return reply.status, reply.read()
        finally:
            connection.close()

    def send(
        self, method: str, path: str, field_name: str, name: str, content: bytes, **query: str
    ) -> tuple[int, bytes]:
        """A file in a form, under the name that an attacker gives it."""
        shown = name.replace("\\", "\\\\").replace('"', '\\"').encode()
        body = b"".join(
            [
                b'--x\r\nContent-Disposition: form-data; name="%s"; filename="%s"\r\n\r\n'
                % (field_name.encode(), shown),
                content,
                b"\r\n--x--\r\n",
            ]
        )
        target = requests.Request("GET", "http://h" + path, params=query).prepare().path_url
        return self.ask(method, target, body, "multipart/form-data; boundary=x")


@contextmanager
def whole_server(
    home: Path, studies: Path, outside: Path, weights: Path, *conf: str, host: bool = True
) -> Iterator[Whole]:
    """The stock command; without `host` on its default address, 0.0.0.0."""
    port = free_port()
    command = stock_command(studies, "model_dir", str(home / "model"), "weights", str(weights), *conf, port=port)
    if not host:
        place = command.index("--host")
        del command[place : place + 2]
    server = Whole(port, studies, outside, home / "server.log", Watch(outside))
    with server.watch.watching(), server.log.open("wb") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, cwd=home, env=server_environment(home), start_new_session=True
        )
        try:
            _wait(server, process)
            yield server
        finally:
            end_group(process)


def _wait(server: Whole, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        assert process.poll() is None, server.log.read_text()
        try:
            server.ask("GET", "/auth/")
            return
        except ConnectionError:
            time.sleep(0.1)
    raise AssertionError(server.log.read_text())


def tree(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def evil_zip(names: list[str], content: bytes, link_to: str = "") -> bytes:
    """A ZIP with these names, and a symbolic link of the last one."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in names:
            archive.writestr(zipfile.ZipInfo(name), content)
        if link_to:
            entry = zipfile.ZipInfo("link.dcm")
            entry.external_attr = 0o120777 << 16
            archive.writestr(entry, link_to)
    return packed.getvalue()
