"""Where requests to a PACS go, without a server of ours in front."""

import socket
from collections.abc import Iterator
from io import BytesIO

import pytest
from dicomweb.passing import Passing, passing

from sdseg.dicomweb.answer import RequestError
from sdseg.dicomweb.pacs_origin import PacsOrigin
from sdseg.dicomweb.resource import Resource
from sdseg.pacs.server_client import connect

OURS = "http://here/dicom-web"
KIND = 'multipart/related; type="application/dicom"; boundary=b'


@pytest.fixture
def pacs() -> Iterator[Passing]:
    with passing() as running:
        yield running


def test_prefixes_of_monai_label_hold(pacs: Passing, monkeypatch: pytest.MonkeyPatch) -> None:
    for service in ("qido", "wado", "stow"):
        monkeypatch.setenv(f"MONAI_LABEL_{service.upper()}_PREFIX", f"my-{service}")
    origin = PacsOrigin(connect(f"{pacs.url}/pacs"))
    origin.get(Resource.parse("/studies/1.2/series"), "limit=3", {}, OURS)
    origin.get(Resource.parse("/studies/1.2/metadata"), "", {}, OURS)
    origin.store(BytesIO(b"--b--"), KIND, "1.2", "", OURS)
    assert [(one.method, one.path) for one in pacs.asked] == [
        ("GET", "/pacs/my-qido/studies/1.2/series?limit=3"),
        ("GET", "/pacs/my-wado/studies/1.2/metadata"),
        ("POST", "/pacs/my-stow/studies/1.2"),
    ]


def test_a_store_arrives_whole_with_its_length_and_type(pacs: Passing) -> None:
    body = b"--b\r\n\r\n" + bytes(range(256)) * 4000 + b"\r\n--b--"
    pacs.answer(409, b'{"00081198":{"vr":"SQ"}}', {"Content-Type": "application/dicom+json"})
    answer = PacsOrigin(connect(pacs.url)).store(BytesIO(body), KIND, "", "application/dicom+json", OURS)
    (asked,) = pacs.asked
    assert (
        asked.body == body
        and asked.headers["Content-Type"] == KIND
        and asked.headers["Content-Length"] == str(len(body))
    )
    assert answer.status == 409 and b"".join(answer.body) == b'{"00081198":{"vr":"SQ"}}'


def test_a_login_in_the_address_is_shown_to_the_pacs_alone(pacs: Passing) -> None:
    origin = PacsOrigin(connect(pacs.url.replace("://", "://user:pass%20word@")))
    pacs.answer(500, b"<html>user:pass word</html>", {"Content-Type": "text/html"})
    with pytest.raises(RequestError) as raised:
        origin.get(Resource.parse("/studies"), "", {"Authorization": "Bearer x"}, OURS)
    assert pacs.asked[0].headers["Authorization"].startswith("Basic ")
    assert raised.value.status == 502 and "pass" not in str(raised.value) and "html" not in str(raised.value)


def test_a_pacs_that_does_not_answer_in_time_is_504() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        origin = PacsOrigin(connect(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout=(5.0, 0.2)))
        with pytest.raises(RequestError, match="in time") as raised:
            origin.get(Resource.parse("/studies"), "", {}, OURS)
    assert raised.value.status == 504


@pytest.mark.parametrize("query", ["a=\n", "a=ü", "x" * 9000])
def test_a_query_that_is_none_goes_nowhere(pacs: Passing, query: str) -> None:
    with pytest.raises(RequestError) as raised:
        PacsOrigin(connect(pacs.url)).get(Resource.parse("/studies"), query, {}, OURS)
    assert raised.value.status == 400 and pacs.asked == []
