"""GET /status/ and the files of the pages, of a real server."""

from pathlib import Path

import pytest
import requests
from app.running_server import Image, Server

from sdseg.model.weights import weights_sha256

PATIENT = ("SAMPLE", "SDSEG-S1")  # name and identifier in the headers of the sample series


def test_it_tells_models_and_studies_and_no_patient(server: Server, weights: Path, image: Image) -> None:
    reply = server.get("/status/")
    status = reply.json()
    (model,), (study,) = status["models"], status["studies"]
    assert model["weights_sha256"] == weights_sha256(weights)
    assert (model["name"], model["source"], model["modalities"]) == ("sdseg", "given", ["MR"])
    assert [one["name"] for one in model["structures"]] == ["brain"]
    assert model["structures"][0]["code"].startswith("SCT 12738006 ")
    assert study["image"] == image.uid and study["study"] == image.series.study_instance_uid
    assert (study["modality"], study["date"], study["images"]) == ("MR", "2000-01-01", 14)
    assert status["server"]["archive"] == "folder" and status["server"]["role"] == "admin"
    assert status["archive"] == {"total": 1, "labelled": status["archive"]["labelled"], "known": True, "trouble": ""}
    assert status["queue"].keys() == {"running", "waiting", "recent", "training"}
    assert not any(word in reply.text for word in PATIENT)


def test_a_label_and_a_decision_appear_at_once(server: Server, image: Image, tmp_path: Path) -> None:
    box = image.save(tmp_path / "label.nrrd")
    assert server.save_label(image.uid, box).ok
    assert server.post(f"/review/{image.uid}", {"verdict": "reject", "reason": "a corner is missing"}).ok
    status = server.get("/status/").json()
    (study,) = status["studies"]
    assert status["archive"]["labelled"] == 1
    assert study["labels"]["final"]["structures"] == ["brain"] and study["labels"]["final"]["saved"]
    assert study["review"]["verdict"] == "reject" and study["review"]["by"] == "local"
    changed = image.mask()
    changed[30:40] = 0
    assert server.save_label(image.uid, image.save(tmp_path / "again.nrrd", changed)).ok
    assert server.get("/status/").json()["studies"][0]["review"] is None  # it was about the label before


def test_uncertainty_is_remembered_from_an_inference(server: Server, image: Image) -> None:
    assert server.infer(image.uid, params={"uncertainty": "2"}, output="uncertainty").ok
    (study,) = server.get("/status/").json()["studies"]
    found = study["uncertainties"]["sdseg"]
    assert 0 < study["uncertainty"] == found["value"] <= 1 and found["noises"] == 2
    assert server.infer(image.uid, output="json").ok
    assert server.get("/status/").json()["studies"][0]["uncertainties"] == study["uncertainties"]


@pytest.mark.parametrize(("limit", "status"), [(0, 200), (-1, 422), (5001, 422), ("many", 422)])
def test_the_number_of_studies_can_be_limited(server: Server, limit: object, status: int) -> None:
    reply = server.get("/status/", limit=limit)
    assert reply.status_code == status
    assert status != 200 or (reply.json()["studies"] == [] and reply.json()["archive"]["total"] == 1)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html"),
        ("/web/status/status.css", "text/css"),
        ("/web/status/main.js", "text/javascript"),
        ("/web/status/icon.svg", "image/svg+xml"),
    ],
)
def test_files_have_their_types_and_are_not_sent_twice(server: Server, path: str, kind: str) -> None:
    first = server.get(path)
    assert first.ok and first.headers["Content-Type"].split(";")[0] == kind
    again = requests.get(f"{server.url}{path}", headers={"If-None-Match": first.headers["ETag"]}, timeout=10)
    assert again.status_code == 304 and not again.content


@pytest.mark.parametrize(
    "path",
    ["status", "../main.py", "%2e%2e/main.py", "..%2fmain.py", "status/..%2f..%2fmain.py", "%2fetc%2fpasswd", "a%00b",
     "status/nothing.js", "login/..%2f..%2fmain.py", "..%5cmain.py", "x" * 5000, ""],
)  # fmt: skip
def test_no_path_leaves_the_folder(server: Server, path: str) -> None:
    request = requests.Request("GET", f"{server.url}/web/").prepare()
    request.url = f"{server.url}/web/{path}"  # as it is: requests would tidy it up
    with requests.Session() as session:
        reply = session.send(request, timeout=10)
    assert reply.status_code == 404 and reply.json()["detail"].endswith(".")
