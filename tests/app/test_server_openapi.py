"""/openapi.json is true and complete; schemathesis tries it (longer: scripts/api_fuzz.py)."""

import re
from pathlib import Path
from typing import Any

import pytest
import requests
from app.running_server import REPOSITORY, Image, Server
from helpers.api_fuzz import fuzz

METHODS = {"get", "head", "post", "put", "patch", "delete"}


@pytest.fixture(scope="module")
def document(server: Server) -> dict[str, Any]:
    found: dict[str, Any] = server.get("/openapi.json").json()
    return found


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method.upper(), path, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    ]


def test_every_operation_says_what_it_does_and_answers(document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        name = f"{method} {path}"
        assert operation["summary"] and operation["tags"], name
        assert any(status < "400" for status in operation["responses"]), name
        assert {"400", "401", "403", "413", "422", "503"} <= set(operation["responses"]), name
        for status, answer in operation["responses"].items():
            assert answer["description"], (name, status)
            if status >= "400" and method != "HEAD" and "application/json" in answer.get("content", {}):
                schema = answer["content"]["application/json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/ErrorMessage"}, (name, status)
    assert "HTTPValidationError" not in str(document)


def test_all_that_monai_labels_clients_use_is_there(document: dict[str, Any]) -> None:
    used = """
    GET /info/ | POST /infer/{model} | GET /batch/infer | POST /batch/infer/{model} | DELETE /batch/infer | GET /train/
    POST /train/ | POST /train/{model} | DELETE /train/ | GET /scoring/ | POST /scoring/ | POST /scoring/{method}
    DELETE /scoring/ | POST /activelearning/{strategy} | GET /datastore/ | PUT /datastore/ | DELETE /datastore/
    PUT /datastore/image | DELETE /datastore/image | HEAD /datastore/image | GET /datastore/image
    GET /datastore/image/info | PUT /datastore/image/info | PUT /datastore/label | DELETE /datastore/label
    HEAD /datastore/label | GET /datastore/label | GET /datastore/label/info | PUT /datastore/label/info
    PUT /datastore/updatelabelinfo | GET /datastore/dataset | GET /model/{model} | GET /model/info/{model} | GET /logs/
    PUT /session/ | GET /session/{session_id} | DELETE /session/{session_id} | GET /auth/ | POST /auth/token
    """
    wanted = {name.strip() for name in re.split(r"[|\n]", used) if name.strip()}
    assert wanted <= {f"{method} {path}" for method, path, _ in operations(document)}


@pytest.mark.parametrize(
    "address",
    [
        "POST /reload",
        "GET /static/ohif/index.html",
        "GET /redoc",
        "GET /proxy/dicom/studies",
        "GET /logs/gpu",
        "POST /infer/wsi_v2/sdseg",
        "GET /nothing",
        "GET //etc/passwd",
        "GET /datastore/../../etc/passwd",
    ],
)
def test_what_is_not_published_is_not_answered(server: Server, address: str) -> None:
    method, path = address.split(" ")
    reply = requests.request(method, server.url + path, timeout=60)
    assert reply.status_code == 404
    assert reply.json()["detail"].endswith(".")


def test_another_method_is_told_which_there_are(server: Server) -> None:
    for path, allowed in {"/datastore/image": "DELETE, GET, HEAD, PUT", "/train/": "DELETE, GET, POST"}.items():
        reply = requests.patch(server.url + path, timeout=60)
        assert reply.status_code == 405
        assert reply.headers["allow"] == allowed
        assert reply.json()["detail"].startswith("PATCH is not offered at this address; use DELETE")


def test_the_api_page_needs_no_network(server: Server) -> None:
    page = server.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    files = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert not [file for file in files if "//" in file]
    for file in files:
        assert server.get(f"/{file.removeprefix('./')}").ok, file


def test_the_handbook_lists_every_operation(document: dict[str, Any]) -> None:
    text = (REPOSITORY / "docs" / "api.md").read_text()
    listed = set(re.findall(r"^\| `([A-Z]+ /[^`]*)` \|", text, re.MULTILINE))
    assert listed == {f"{method} {path}" for method, path, _ in operations(document)}


def test_no_answer_tells_where_things_lie_on_the_server(server: Server, image: Image, box: Path) -> None:
    assert server.save_label(image.uid, box, label_info=[{"name": "brain", "idx": 1}]).ok
    secrets = (str(server.studies), str(server.model_dir), str(server.weights), str(REPOSITORY), str(Path.home()))
    replies = [
        server.get(path, **query)
        for path, query in (
            ("/info/", {}),
            ("/datastore/", {"output": "all"}),
            ("/datastore/label/info", {"label": image.uid, "tag": "final"}),
            ("/datastore/image/info", {"image": image.uid}),
            ("/model/info/sdseg", {}),
            ("/status/", {}),
            ("/jobs/", {}),
            ("/logs/", {"lines": 5000}),
        )
    ]
    replies.append(requests.delete(f"{server.url}/datastore/image", params={"id": image.uid}, timeout=60))
    for reply in replies:
        assert reply.status_code in (200, 422), reply.url
        assert not [secret for secret in secrets if secret in reply.text], reply.url
    gone = requests.delete(f"{server.url}/datastore/label", params={"id": image.uid, "tag": "final"}, timeout=60)
    assert gone.ok


@pytest.mark.slow
def test_schemathesis_finds_nothing(server: Server, image: Image, tmp_path: Path) -> None:
    known = {"model": "sdseg", "strategy": "random", "tag": "final", "image": image.uid, "label": image.uid}
    outcome = fuzz(server.url, known, tmp_path, "--phases", "coverage,fuzzing", "-n", "2", "--seed", "1")
    assert not outcome.failures, outcome.told
    assert outcome.operations > 80
    assert server.get("/info/").ok
    assert "Traceback (most recent call last)" not in server.log.read_text()
