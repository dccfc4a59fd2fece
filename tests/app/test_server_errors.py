"""Requests that no client of good will sends: each is answered 4xx with one sentence, and nothing is written."""

import gzip
import json
import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import nibabel
import numpy as np
import psutil
import pytest
import requests
from app.running_server import Image, Server

DEEP = "[" * 100_000
HUGE = "9" * 5000


def told(reply: requests.Response) -> str:
    assert 400 <= reply.status_code < 500, (reply.status_code, reply.text[:300])
    detail = reply.json()["detail"]
    assert isinstance(detail, str) and detail.endswith("."), detail
    assert "Traceback" not in detail and "/tmp/" not in detail, detail
    return detail


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "7",
        "null",
        '"x"',
        '{"a": NaN}',
        '{"a": -Infinity}',
        '{"a": 1e999}',
        f'{{"a": {HUGE}}}',
        DEEP,
        f'{{"a": {DEEP}',
        '{"a": "\\ud800"}',
        "\0",
        "{'a': 1}",
    ],
)
def test_json_that_is_none(server: Server, image: Image, box: Path, text: str) -> None:
    files = {"label": (box.name, box.read_bytes())}
    for path, field in (("label", "params"), ("image/info", "info")):
        url = f"{server.url}/datastore/{path}"
        reply = requests.put(url, params={"image": image.uid}, data={field: text}, files=files, timeout=60)
        assert reply.status_code == 422
        told(reply)
    assert server.infer(image.uid, params=text).status_code == 422
    reply = requests.post(
        f"{server.url}/activelearning/random",
        data=text.encode(),
        headers={"Content-Type": "application/json"},
        timeout=60,
    )
    if text != "null":  # as good as no body
        told(reply)


@pytest.mark.parametrize(
    "params",
    [
        {"seed": HUGE},
        {"label_tag": 5},
        {"label_tag": {"a": []}},
        {"device": "tpu"},
        {"device": ["../x"]},
        {"uncertainty": "1e9"},
        {"result_extension": "../../x"},
        {"modality": "a\nb"},
        {"save_label": "perhaps"},
    ],
)
def test_parameters_of_an_inference_that_are_none(server: Server, image: Image, params: dict[str, Any]) -> None:
    assert server.infer(image.uid, params=params).status_code == 422
    told(server.post("/batch/infer/sdseg", params))


@pytest.mark.parametrize("params", [{"max_epochs": HUGE}, {"val_split": 10**400}, {"name": ["x"]}, {"seed": -1}])
def test_parameters_of_a_training_that_are_none(server: Server, params: dict[str, Any]) -> None:
    told(server.post("/train/sdseg", params))
    told(server.post("/train/", {"sdseg": params}))


@pytest.mark.parametrize(
    "params",
    [{"images": "x" * 70_000, "max_workers": -1}, {"images": {"a": 1}}, {"images": ["/etc"]}, {"gpus": "0;ls"}],
)
def test_parameters_of_a_batch_that_are_none(server: Server, params: dict[str, Any]) -> None:
    told(server.post("/batch/infer/sdseg", params))


@pytest.mark.parametrize(
    "info", [[{"name": "brain", "idx": HUGE}], [{"name": 7, "idx": 1}], {"name": "brain", "idx": None}, [[]], "brain"]
)
def test_label_info_that_is_none(server: Server, image: Image, box: Path, info: Any) -> None:
    told(server.save_label(image.uid, box, label_info=info))


@pytest.mark.parametrize("name", ["../../x", "..", "/etc/passwd", "a\0b", "%2e%2e%2f", "x" * 5000, "\udcff", "Ω"])
def test_names_that_lead_elsewhere(server: Server, box: Path, name: str) -> None:
    """As an image, a label, a model, a strategy and a session: nothing is found, nothing is written."""
    raw = name.encode(errors="surrogateescape")
    for path, query in (
        ("/datastore/image", {"image": raw}),
        ("/datastore/image/info", {"image": raw}),
        ("/datastore/label", {"label": raw, "tag": raw}),
        ("/datastore/label/info", {"label": raw, "tag": "final"}),
    ):
        told(requests.get(server.url + path, params=query, timeout=60))
    told(requests.put(f"{server.url}/datastore/label", params={"image": raw}, files={"label": b"x"}, timeout=60))
    if name == "..":
        return  # the client itself would leave it out of an address
    quoted = requests.utils.quote(raw, safe="")  # type: ignore[attr-defined]
    for method, path in (("POST", "infer"), ("POST", "train"), ("POST", "activelearning"), ("GET", "session")):
        told(requests.request(method, f"{server.url}/{path}/{quoted}", timeout=60))
    told(requests.get(f"{server.url}/model/{quoted}", timeout=60))


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"--x\r\n\r\n"),
        ("multipart/form-data; boundary=x", b"not multipart at all"),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="label"\r\n\r\nx'),
        ("multipart/form-data; boundary=x; charset=nonsense", b"--x\r\n\xff\xfe\r\n--x--\r\n"),
        ("application/json", b'{"label": 1}'),
        ("text/plain; charset=\xff".encode("latin-1"), b"x"),
        ("", b"\x00\xff"),
    ],
)
def test_bodies_that_are_not_what_they_say(server: Server, image: Image, content_type: Any, body: bytes) -> None:
    headers = {"Content-Type": content_type}
    for method, path in (("PUT", "/datastore/label"), ("PUT", "/datastore/image"), ("POST", "/infer/nothing")):
        told(
            requests.request(
                method, server.url + path, params={"image": image.uid}, data=body, headers=headers, timeout=60
            )
        )


def test_the_same_field_twice_and_many_fields(server: Server, image: Image) -> None:
    twice = [
        ("params", (None, "{}")),
        ("params", (None, "{")),
        ("label", ("a.nrrd", b"x")),
        ("label", ("../b.nrrd", b"x")),
    ]
    told(requests.put(f"{server.url}/datastore/label", params={"image": image.uid}, files=twice, timeout=60))
    many = [(f"field{number}", (None, "x")) for number in range(2000)]
    told(requests.put(f"{server.url}/datastore/label", params={"image": image.uid}, files=many, timeout=60))


@pytest.mark.parametrize("query", ["limit_cases=0", "limit_cases=-1", "limit_cases=1e9", "limit_cases=" + HUGE])
def test_a_number_out_of_bounds_is_named(server: Server, query: str) -> None:
    assert told(server.get(f"/datastore/dataset?{query}")).startswith("The query parameter limit_cases cannot be used")


def test_a_sentence_names_the_field_and_not_what_was_sent(server: Server) -> None:
    assert told(server.get("/datastore/image")) == "The query parameter image is missing; add it as /docs says."
    secret = "Doe^Jane"
    told(server.get("/datastore/", output=secret))
    assert secret not in server.get("/datastore/", output=secret).text


def test_what_is_no_http_at_all(server: Server) -> None:
    address = urlsplit(server.url)
    for sent in (b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n", b"\0" * 100 + b"\r\n\r\n", b"GET /" + b"a" * 200_000):
        with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
            connection.sendall(sent)
            assert connection.recv(20).startswith(b"HTTP/1.1 4")
    assert server.get("/info/").ok


def test_a_line_of_the_log_is_not_made_by_a_client(server: Server) -> None:
    told(server.get("/datastore/image/info", image="1.2\n2026-01-01 all is well"))
    assert "\n2026-01-01 all is well" not in server.log.read_text()


def volume(shape: tuple[int, int, int] = (40, 50, 12)) -> bytes:
    image = nibabel.Nifti1Image(np.ones(shape, np.uint8), np.diag([-2.0, 2.0, 3.0, 1.0]))
    return bytes(image.to_bytes())


def add(server: Server, name: str, content: bytes, **query: str) -> requests.Response:
    return requests.put(f"{server.url}/datastore/image", params=query, files={"file": (name, content)}, timeout=60)


def test_images_that_clients_add(nifti_server: Server) -> None:
    """What `MONAILabelClient.upload_image` does, and what it must not."""
    whole = volume()
    before = {path.name for path in nifti_server.studies.rglob("*")}
    broken = bytearray(gzip.compress(whole))
    broken[60:90] = b"\xff" * 30
    for name, content in (
        ("a.nii.gz", bytes(broken)),
        ("a.nii.gz", gzip.compress(whole)[:-50]),
        ("a.nii", b"no volume"),
        ("a.nii", b""),
        ("a.png", b"BM" + b"\0" * 60),
        ("a.exe", whole),
        ("../../a.nii", b"x"),
        (".nii", whole),
    ):
        told(add(nifti_server, name, content))
    for wrong in ("../../x", "a/b", ".hidden", "x" * 65):
        told(add(nifti_server, "a.nii", whole, image=wrong))
    assert {path.name for path in nifti_server.studies.rglob("*")} == before
    assert nifti_server.get("/datastore/").json()["total"] == 1

    assert add(nifti_server, "../../new.nii", whole).json() == {"image": "new"}, "of a path only the name counts"
    assert add(nifti_server, "new.nii", whole, image="second").json() == {"image": "second"}
    assert add(nifti_server, "new.nii", whole, image="second").ok, "the same again"
    other = add(nifti_server, "new.nii", volume((40, 50, 13)), image="second")
    assert other.status_code == 409 and "another image 'second'" in told(other)
    assert (nifti_server.studies / "second.nii").read_bytes() == whole
    old = requests.put(
        f"{nifti_server.url}/datastore/", params={"image": "third"}, files={"file": ("x.nii", whole)}, timeout=60
    )
    assert old.json() == {"image": "third"}, "as the client still asks"

    for name in ("second", "third", "new"):
        assert requests.delete(f"{nifti_server.url}/datastore/image", params={"id": name}, timeout=60).ok
        assert not (nifti_server.studies / f"{name}.nii").exists()
        told(requests.delete(f"{nifti_server.url}/datastore/image", params={"id": name}, timeout=60))
    assert nifti_server.get("/datastore/").json()["total"] == 1


@contextmanager
def short_disk(server: Server, most: int) -> Iterator[None]:
    """The kernel refuses the server's writes beyond `most` bytes of a file: for a program the same as a full disk."""
    assert server.pid is not None
    own = psutil.Process(server.pid)
    processes = [own, *own.children(recursive=True)]
    before = {process.pid: resource.prlimit(process.pid, resource.RLIMIT_FSIZE) for process in processes}
    for pid, (_, hard) in before.items():
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, hard))
    try:
        yield
    finally:
        for pid, limits in before.items():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)


def test_a_full_disk_is_told_and_costs_nothing(nifti_server: Server) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (256, 256, 90)).astype(np.uint8)
    large = bytes(nibabel.Nifti1Image(noise, np.eye(4)).to_bytes())
    before = {path.name for path in nifti_server.studies.rglob("*")}
    with short_disk(nifti_server, 4 * 2**20):  # the log stays below
        reply = add(nifti_server, "large.nii", large)
    assert reply.status_code == 507
    assert reply.json()["detail"] == "The disk of the server is full; free some space and send it again."
    assert {path.name for path in nifti_server.studies.rglob("*")} == before
    assert add(nifti_server, "large.nii", large).ok, "and goes on"
    assert requests.delete(f"{nifti_server.url}/datastore/image", params={"id": "large"}, timeout=60).ok


def test_what_the_server_notes_is_not_overwritten(server: Server, image: Image, box: Path) -> None:
    url, query = f"{server.url}/datastore/image/info", {"image": image.uid}
    lies = {"id": "other", "strategy": 5, "inference": 7, "name": "../../x", "study": "1", "note": "kept"}
    assert requests.put(url, params=query, data={"info": json.dumps(lies)}, timeout=60).ok
    info = requests.get(url, params=query, timeout=60).json()
    assert info["note"] == "kept" and info["name"] == f"{image.uid}.nrrd"
    sample = server.post("/activelearning/random")
    assert sample.json()["id"] == image.uid, sample.text
    assert server.post("/activelearning/random").json()["id"] == image.uid, "again within a second"
    false = {"dicom_seg": 5, "label_values": {"x": "y"}, "from_archive": True}
    assert server.save_label(image.uid, box, tag="mine", **false).ok
    query = {"label": image.uid, "tag": "mine"}
    told_again = requests.put(
        f"{server.url}/datastore/label/info", params=query, data={"info": json.dumps(false)}, timeout=60
    )
    assert told_again.ok
    kept = server.get("/datastore/label/info", label=image.uid, tag="mine").json()
    assert kept["label_values"] == {"brain": 1} and "dicom_seg" not in kept
    assert kept["user"] == "local"
    assert requests.delete(f"{server.url}/datastore/label", params={"id": image.uid, "tag": "mine"}, timeout=60).ok
