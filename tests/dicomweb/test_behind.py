"""A real PACS behind the server: what goes through, what stays, and what is told when it fails."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import requests
from app.running_server import run_server
from dicomweb.passing import Passing, passing
from dicomweb.test_folder_retrieve import one_part
from dicomweb.web import AS_OHIF, Web, path_of
from helpers.orthanc import PASSWORD, Orthanc
from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian

SECRETS = (PASSWORD, "p%40ss", "Basic ", "cmVhZGVy")


def test_the_server_shows_its_login_and_not_the_client(behind: Web, pacs: Orthanc) -> None:
    assert requests.get(f"{pacs.plain_web}/studies", timeout=30).status_code == 401
    reply = requests.get(
        f"{behind.url}/studies", headers={"Cookie": "a=b", "Accept": "application/dicom+json"}, timeout=60
    )
    assert reply.status_code == 200 and len(reply.json()) == 1
    everything = reply.text + str(reply.headers) + behind.server.log.read_text()
    assert not any(secret in everything for secret in SECRETS)


def test_the_query_arrives_with_every_key(behind: Web, slices: list[Dataset]) -> None:
    assert len(behind.get("/studies?PatientID=SDSEG-S1&includefield=00081030&includefield=00080060").json()) == 1
    assert behind.get("/studies?PatientID=nobody").json() == []
    assert len(behind.get(f"{path_of(slices[0], instance=False)}/instances?limit=3&offset=2").json()) == 3
    assert "00081030" in behind.get("/studies?includefield=00081030").json()[0]


def test_metadata_frames_and_objects_are_those_of_the_pacs(behind: Web, slices: list[Dataset]) -> None:
    told = behind.client.retrieve_series_metadata(str(slices[0].StudyInstanceUID), str(slices[0].SeriesInstanceUID))
    assert {one["00080018"]["Value"][0] for one in told} == {str(one.SOPInstanceUID) for one in slices}
    head, content = one_part(behind.get(f"{path_of(slices[4])}/frames/1", accept=AS_OHIF))
    assert content == slices[4].PixelData and ExplicitVRLittleEndian in head
    back = behind.client.retrieve_series(str(slices[0].StudyInstanceUID), str(slices[0].SeriesInstanceUID))
    pixels = {one.SOPInstanceUID: one.pixel_array for one in back}
    assert all(np.array_equal(pixels[one.SOPInstanceUID], one.pixel_array) for one in slices)
    assert behind.get(f"{path_of(slices[0])}/rendered", accept="image/png").content.startswith(b"\x89PNG")


def test_addresses_in_answers_are_ours_and_work(behind: Web, pacs: Orthanc, slices: list[Dataset]) -> None:
    reply = behind.get(f"{path_of(slices[0])}/metadata")
    (told,) = reply.json()
    assert str(pacs.http_port) not in reply.text
    address = told["7FE00010"]["BulkDataURI"]
    assert address.startswith(behind.url)
    accept = {"Accept": 'multipart/related; type="application/octet-stream"'}
    assert one_part(requests.get(address, headers=accept, timeout=60))[1] == slices[0].PixelData
    (study,) = behind.get("/studies").json()
    assert requests.get(study["00081190"]["Value"][0] + "/metadata", timeout=60).ok


def test_an_error_of_the_pacs_is_its_status_and_a_sentence(behind: Web, slices: list[Dataset]) -> None:
    for path, status in (
        ("/studies/1.2.3/metadata", 404),
        (f"{path_of(slices[0])}/frames/9", 400),
        ("/studies?limit=x", 422),
    ):
        reply = behind.get(path)
        assert reply.status_code in (status, 404), reply.text
        assert reply.json()["detail"].endswith(".") and not any(secret in reply.text for secret in SECRETS)


@pytest.fixture(scope="module")
def fake() -> Iterator[Passing]:
    with passing() as running:
        yield running


@pytest.fixture(scope="module")
def strange(tmp_path_factory: pytest.TempPathFactory, fake: Passing, weights: Path) -> Iterator[Web]:
    """A server whose archive answers what a test wants, and remembers what it was asked."""
    for server in run_server(tmp_path_factory.mktemp("strange"), f"{fake.url}/deep/dicom-web", weights):
        yield Web(server)


def test_only_what_matters_goes_on(strange: Web, fake: Passing) -> None:
    headers = {
        "Authorization": "Bearer secret", "Cookie": "session=secret", "Accept": "application/json;q=0.5, */*;q=0.1",
        "Range": "bytes=0-1", "Connection": "keep-alive, X-Odd", "X-Odd": "1",
        "Referer": "http://secret.example", "Origin": strange.server.url, "TE": "trailers",
    }  # fmt: skip
    fake.answer(200, b"[]", {"Content-Type": "application/dicom+json", "Set-Cookie": "pacs=1", "Server": "Old/1.0"})
    reply = requests.get(f"{strange.url}/studies?00100020=a%2Bb%26c&x=1&x=2&00080020=", headers=headers, timeout=60)
    assert reply.status_code == 200, reply.text
    asked = next(one for one in reversed(fake.asked) if "00100020" in one.path)  # the server asks for itself too
    assert asked.path == "/deep/dicom-web/studies?00100020=a%2Bb%26c&x=1&x=2&00080020="
    assert asked.headers["Accept"] == headers["Accept"] and asked.headers["Range"] == "bytes=0-1"
    assert "secret" not in str(asked.headers) and "X-Odd" not in asked.headers and "TE" not in asked.headers
    assert "Set-Cookie" not in reply.headers and "Old" not in str(reply.headers)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (401, 502),
        (403, 502),
        (407, 502),
        (302, 502),
        (404, 404),
        (406, 406),
        (500, 502),
        (503, 503),
        (429, 429),
        (204, 204),
    ],
)
def test_statuses(strange: Web, fake: Passing, status: int, expected: int) -> None:
    fake.answer(status, b"", {"Location": "http://evil.example/", "WWW-Authenticate": "Basic", "Retry-After": "7"})
    reply = requests.get(f"{strange.url}/studies", timeout=60, allow_redirects=False)
    assert reply.status_code == expected
    assert reply.headers.get("Retry-After") == ("7" if expected in (503, 429) else None)
    assert "WWW-Authenticate" not in reply.headers and "Location" not in reply.headers
    if expected >= 400:
        assert reply.json()["detail"].endswith(".")
    else:
        assert reply.content == b""


def test_a_pacs_that_hangs_up_or_is_gone_is_502(strange: Web, fake: Passing) -> None:
    fake.hang_up()
    reply = requests.get(f"{strange.url}/studies", timeout=60)
    assert reply.status_code == 502 and "cannot be reached" in reply.json()["detail"]


def test_packed_answers_arrive_unpacked(strange: Web, fake: Passing) -> None:
    address = f"{fake.url}/deep/dicom-web/studies/1.2.3"
    fake.answer_packed(f'[{{"00081190":{{"vr":"UR","Value":["{address}"]}}}}]'.encode())
    reply = requests.get(f"{strange.url}/studies", timeout=60)
    assert "Content-Encoding" not in reply.headers
    assert reply.json()[0]["00081190"]["Value"] == [f"{strange.url}/studies/1.2.3"]


def test_a_long_body_streams(strange: Web, fake: Passing) -> None:
    """The first piece is here before the archive has made the last."""
    with fake.endless("application/octet-stream"):
        with requests.get(
            f"{strange.url}/studies/1.2/series/1.2/instances/1.2/frames/1", stream=True, timeout=60
        ) as reply:
            assert next(reply.iter_content(1000))
        assert fake.released.wait(30), "who hangs up frees the connection to the archive"
