"""Requests that no client sends: nothing outside is reached, nothing breaks, each is told in a sentence."""

import socket
from copy import deepcopy
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from dicomweb.web import Web, path_of
from pydicom import Dataset

PATHS = (
    "/studies/..%2f..%2fetc%2fpasswd",
    "/studies/../../etc/passwd",
    "/studies/%2e%2e/%2e%2e/etc/passwd",
    "/studies/1.2.3/series/..%2F..",
    "/studies/1.2.3%00/series",
    "/studies/1.2.3%2Fseries",
    "/studies/1.2.3//series",
    "/studies/1.2.3;a=b/series",
    "/studies/1..2/series",
    "/studies/.1/series",
    "/studies/" + "1." * 40 + "1",
    "/studies/١٢٣/series",
    "/studies/1.2.3/series/1.2/instances/1.2/bulkdata/../../x",
    "/studies/1.2.3/series/1.2/instances/1.2/bulkdata/..",
    "/studies/1.2.3/series/1.2/instances/1.2/frames/1,",
    "/studies/1.2.3/series/1.2/instances/1.2/frames/-1",
    "/studies/1.2.3/series/1.2/instances/1.2/frames/" + "9" * 3000,
    "/system",
    "/../instances",
    "//evil.example/studies",
    "/http://evil.example/studies",
    "/wado?requestType=WADO",
    "/studies/1.2.3/reject/113001^DCM",
)


def raw_get(web: Web, path: str) -> int:
    """Status of a GET whose path nobody tidies up."""
    parts = urlsplit(web.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=60) as connection:
        request = f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n"
        connection.sendall(request.encode())
        return int(connection.makefile("rb").readline().split()[1])


@pytest.mark.parametrize("path", PATHS)
def test_paths_outside_the_grammar(web: Web, behind: Web, path: str) -> None:
    for server in (web, behind):
        assert raw_get(server, f"/dicom-web{path}") in (400, 404, 422)


def test_only_get_and_post_of_studies(web: Web, behind: Web, slices: list[Dataset]) -> None:
    for server in (web, behind):
        for method in ("DELETE", "PUT", "PATCH"):
            for path in ("/studies", path_of(slices[0])):
                reply = requests.request(method, f"{server.url}{path}", timeout=60)
                assert reply.status_code == 405 and reply.json()["detail"].endswith(".")
        assert requests.post(f"{server.url}/series", timeout=60).status_code == 405
        assert len(server.get(f"{path_of(slices[0], instance=False)}/instances").json()) == len(slices)


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/dicom", b"x", 415),
        ("application/json", b"{}", 415),
        ('multipart/related; type="application/dicom+json"; boundary=b', b"--b--", 415),
        ('multipart/related; type="application/dicom"', b"--b--", 400),
        ('multipart/related; type="application/dicom"; boundary=b', b"", 400),
        ('multipart/related; type="application/dicom"; boundary=b', b"nonsense", 400),
        ('multipart/related; type="application/dicom"; boundary=b', b"--b\r\n\r\nhalf a part", 400),
        (f'multipart/related; type="application/dicom"; boundary={"b" * 5000}', b"--b--", 400),
        ("", b"x", 415),
    ],
)
def test_bodies_that_are_no_store(web: Web, content_type: str, body: bytes, status: int) -> None:
    reply = requests.post(f"{web.url}/studies", data=body, headers={"Content-Type": content_type}, timeout=60)
    assert reply.status_code == status and reply.json()["detail"].endswith("."), reply.text


def test_a_compressed_body_is_refused(web: Web, behind: Web) -> None:
    headers = {"Content-Type": 'multipart/related; type="application/dicom"; boundary=b', "Content-Encoding": "gzip"}
    for server in (web, behind):
        assert requests.post(f"{server.url}/studies", data=b"x", headers=headers, timeout=60).status_code == 415


def test_objects_with_uids_that_are_paths_are_written_nowhere(web: Web, zoo: Path, slices: list[Dataset]) -> None:
    before = sorted(zoo.parent.rglob("*"))
    for keyword in ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID"):
        evil = deepcopy(slices[0])
        evil[keyword].value = "../../../evil"
        reply = web.post(evil)
        assert reply.status_code == 409 and "00081199" not in reply.json()
    assert sorted(zoo.parent.rglob("*")) == before


def test_headers_of_odd_kinds(web: Web, slices: list[Dataset]) -> None:
    for accept in ("\"'", ";;;", "a/b;q=x", "multipart/related", 'multipart/related; type="', "*/*;q=0", "x" * 5000):
        assert web.get(f"{path_of(slices[0])}/frames/1", accept=accept).status_code in (200, 406)
