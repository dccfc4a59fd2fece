"""/review/{image}: decisions are kept, honoured by training, and refused where they make no sense."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from app.running_server import Image, Server, copy_sample, run_server
from helpers.models import save_tiny_weights

from sdseg.dicom.series import load_series


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("review")
    copy_sample(home / "studies")
    yield from run_server(home, home / "studies", save_tiny_weights(home / "brain-tiny"))


@pytest.fixture(scope="module")
def image(server: Server) -> Image:
    series = load_series(server.studies)
    return Image(series.series_instance_uid, series)


def for_training(server: Server) -> int:
    answer = server.get("/datastore/", output="train")
    assert answer.ok, answer.text
    return len(answer.json())


def decide(server: Server, image: str, **verdict: Any) -> requests.Response:
    return server.post(f"/review/{image}", verdict)


def test_a_decision_is_kept_and_honoured(server: Server, image: Image, tmp_path: Path) -> None:
    uid = image.uid
    nobody = server.get(f"/review/{uid}").json()
    assert nobody["verdict"] is None and nobody["training"] is True and nobody["segmentation"] is None
    assert decide(server, uid, verdict="accept").status_code == 422  # there is no label yet

    assert server.save_label(uid, image.save(tmp_path / "one.nrrd")).ok
    accepted = decide(server, uid, verdict="accept").json()
    assert accepted["verdict"] == "accept" and accepted["user"] and accepted["time"].endswith("+00:00")
    assert accepted["segmentation"]["series"] and for_training(server) == 1
    assert decide(server, uid, verdict="accept").json() == accepted  # the same again changes nothing

    assert decide(server, uid, verdict="training", use=False).json()["verdict"] == "accept"
    assert for_training(server) == 0
    assert decide(server, uid, verdict="training", use=True).json()["training"] is True
    assert for_training(server) == 1

    rejected = decide(server, uid, verdict="reject", reason=" too large ").json()
    assert (rejected["verdict"], rejected["reason"]) == ("reject", "too large") and for_training(server) == 0
    assert server.get(f"/review/{uid}").json() == rejected

    better = image.mask()
    better[30:40] = 0
    assert server.save_label(uid, image.save(tmp_path / "two.nrrd", better)).ok
    assert for_training(server) == 1  # what was rejected is the older label


@pytest.mark.parametrize(
    "verdict",
    [
        {},
        {"verdict": "maybe"},
        {"verdict": "reject"},
        {"verdict": "reject", "reason": "  "},
        {"verdict": "reject", "reason": "x" * 501},
        {"verdict": "training"},
        {"verdict": "training", "use": "perhaps"},
        {"verdict": "accept", "more": 1},
        [],
        None,
    ],
)
def test_nonsense_is_refused_in_a_sentence(server: Server, image: Image, verdict: Any) -> None:
    before = server.get(f"/review/{image.uid}").json()
    answer = server.post(f"/review/{image.uid}", verdict)
    assert answer.status_code == 422 and isinstance(answer.json()["detail"], str)
    assert server.get(f"/review/{image.uid}").json() == before


def test_an_unknown_image(server: Server) -> None:
    for answer in (server.get("/review/1.2.3"), decide(server, "1.2.3", verdict="training", use=True)):
        assert answer.status_code == 404 and isinstance(answer.json()["detail"], str)


# --- the files of the viewer, from the same server
def test_the_page_and_its_files(server: Server) -> None:
    redirect = requests.get(f"{server.url}/ohif", allow_redirects=False, timeout=30)
    assert redirect.status_code == 307 and redirect.headers["Location"].endswith("/ohif/")
    page = server.get("/ohif/")
    assert page.ok and "http:" not in page.text and "https:" not in page.text
    assert "<script>" not in page.text  # a Content-Security-Policy forbids it
    for route in ("monai-label", "viewer", "monai-label/dicomweb"):
        assert server.get(f"/ohif/{route}", StudyInstanceUIDs="1.2").text == page.text


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("app-config.js", "text/javascript"),
        ("sdseg/review-panel.js", "text/javascript"),
        ("app.bundle.css", "text/css"),
        ("assets/favicon.ico", "image/x-icon"),
        ("17dd54813d5acc10bf8f.wasm", "application/wasm"),
    ],
)
def test_types_and_caching(server: Server, path: str, kind: str) -> None:
    answer = server.get(f"/ohif/{path}")
    assert answer.ok and answer.headers["Content-Type"].startswith(kind)
    assert ("immutable" in answer.headers["Cache-Control"]) == path.endswith(".wasm")
    known = {"If-None-Match": answer.headers["ETag"]}
    assert requests.get(f"{server.url}/ohif/{path}", headers=known, timeout=30).status_code == 304
    assert path != "app.bundle.css" or "googleapis" not in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "assets/none.js",
        "sw.js",
        "google.js",
        "index.html",
        "assets",
        "..%2f..%2fmain.py",
        "sdseg/..%2f..%2f..%2fmain.py",
        "%2fetc%2fpasswd",
        "assets%5c..%5cindex.html",
        "a%00b",
        "x" * 5000,
    ],
)
def test_what_is_not_there_is_404(server: Server, path: str) -> None:
    answer = server.get(f"/ohif/{path}")
    assert answer.status_code == 404 and isinstance(answer.json()["detail"], str)
