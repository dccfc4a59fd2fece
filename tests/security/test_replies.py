"""Limits of a request, and headers of every reply."""

import socket

import pytest
from security.conftest import Start

SMALL = 1  # MB
SERIES = "/dicom-web/studies/1.2/series/1.2.3/instances/1.2.3.4/frames/1"


def test_a_large_body_is_refused_by_its_length(start: Start) -> None:
    server = start(max_upload_mb=SMALL)
    reply = server.ask("PUT", "/datastore/label", files={"label": ("a.nrrd", b"0" * (SMALL << 20))})
    assert reply.status_code == 413
    assert "max_upload_mb" in reply.json()["detail"]
    small = server.ask("PUT", "/datastore/label", files={"label": ("a.nrrd", b"0" * 1000)})
    assert small.json() == {"size": 1000}


def test_a_length_that_never_comes_is_refused_before_the_body(start: Start) -> None:
    host, port = start(max_upload_mb=SMALL).url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as client:
        client.sendall(b"PUT /datastore/label HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n")
        assert client.recv(4096).startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize(
    ("method", "path", "kind", "limit"),
    [
        ("PUT", "/datastore/label", "multipart/form-data; boundary=x", 2 << 20),
        ("POST", "/activelearning/random", "application/json", 16 << 20),
        ("POST", "/activelearning/random", "multipart/form-data; boundary=x", 16 << 20),
    ],
)
def test_a_chunked_body_is_counted_while_it_arrives(
    start: Start, method: str, path: str, kind: str, limit: int
) -> None:
    """The client never ends its body: only an answer on the way can end this."""
    host, port = start(max_upload_mb=2 if limit < 16 << 20 else 64).url.removeprefix("http://").split(":")
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked"
    part = b'--x\r\nContent-Disposition: form-data; name="label"; filename="a.nrrd"\r\n\r\n'
    with socket.create_connection((host, int(port)), timeout=10) as client:
        client.sendall(head.encode() + b"\r\n\r\n" + chunk(part))
        for _ in range(limit >> 16):
            client.sendall(chunk(b"0" * (1 << 16)))
        answer = b""
        while b'"detail"' not in answer:
            received = client.recv(65536)
            assert received, answer
            answer += received
    assert answer.startswith(b"HTTP/1.1 413")


def test_a_body_just_below_the_limit_is_taken(start: Start) -> None:
    server = start(max_upload_mb=2)
    reply = server.ask("PUT", "/datastore/label", files={"label": ("a.nrrd", b"0" * ((2 << 20) - 1000))})
    assert reply.json() == {"size": (2 << 20) - 1000}


def chunk(content: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(content), content)


def test_a_form_of_thousands_of_parts_is_refused(start: Start) -> None:
    parts = [("label", (f"{number}.nrrd", b"0")) for number in range(1001)]
    reply = start().ask("PUT", "/datastore/label", files=parts)
    assert reply.status_code == 400
    assert reply.json()["detail"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/datastore/", 200),
        ("GET", "/nowhere", 404),
        ("POST", "/datastore/", 405),
        ("POST", "/login", 303),
        ("GET", "/info/", 500),
        ("GET", "/login", 303),
        ("GET", "/ohif/index.html", 200),
    ],
)
def test_every_reply_has_the_headers(start: Start, method: str, path: str, status: int) -> None:
    reply = start().ask(method, path)
    assert reply.status_code == status
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert reply.headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in reply.headers["Content-Security-Policy"]
    assert reply.headers["Referrer-Policy"] == "no-referrer"
    assert reply.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert reply.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=()" in reply.headers["Permissions-Policy"]
    policy = reply.headers["Content-Security-Policy"]
    assert ("style-src 'self' 'unsafe-inline'" in policy) == path.startswith("/ohif")
    assert ("'unsafe-eval'" in policy) == path.startswith("/ohif")  # its reader of DICOM SEG needs it


def test_workers_of_the_viewer_may_evaluate_text(start: Start) -> None:
    """Its decoders of JPEG 2000 and JPEG-LS do."""
    policy = start().ask("GET", "/ohif/1185.bundle.63d4a7234e943a3bc2ab.js").headers["Content-Security-Policy"]
    assert "'unsafe-eval'" in policy


def test_refusals_have_them_too(start: Start) -> None:
    reply = start().ask("GET", "/datastore/", headers={"Host": "evil.example"})
    assert reply.status_code == 400
    assert reply.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("path", "caching"),
    [
        ("/datastore/", "no-store"),
        (SERIES, "no-store"),
        ("/nowhere", "no-store"),
        ("/ohif/index.html", "private, no-cache"),
        ("/ohif/app.bundle.d6f78a2d8c7e8f3b21aa.js", "private, max-age=31536000, immutable"),
        ("/ohif/031089e563a18ada8441.wasm", "private, max-age=31536000, immutable"),
    ],
)
def test_patients_data_are_not_kept_by_browsers(start: Start, path: str, caching: str) -> None:
    assert start().ask("GET", path).headers["Cache-Control"] == caching


def test_a_stored_script_cannot_run(start: Start) -> None:
    """Should a file of the store ever be shown as a page, its scripts are not run."""
    assert "script-src 'self'" in start().ask("GET", SERIES).headers["Content-Security-Policy"]
