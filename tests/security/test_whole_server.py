"""Paths that lead out of the store, in every place of a request, on a folder of DICOM and on one of NIfTI.

What lies outside is watched by the kernel: it must not even be opened.
"""

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import nibabel
import numpy as np
import pydicom
import pytest
import requests
from app.running_server import copy_sample
from helpers.dicom_series import SeriesMaker
from security.test_hosts import own_address
from security.test_replies import chunk
from security.whole_server import CANARY, Whole, evil_zip, tree, whole_server

from sdseg.serving.token_file import new_token

OUTSIDE = SeriesMaker(slices=1, name="outside")
OUTSIDE_UID = str(OUTSIDE.datasets()[0].SeriesInstanceUID)
PART = b'--x\r\nContent-Disposition: form-data; name="%s"; filename="a.nii.gz"\r\n\r\n'
STOW = b"--x\r\nContent-Type: application/dicom\r\n\r\n"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    for name in ("dicom-outside", "nifti-outside"):
        outside = folder / name
        OUTSIDE.save(outside / "series")
        save_nifti(outside / "secret.nii.gz")
        (outside / "secret.txt").write_text(CANARY)
        (outside / "secret.json").write_text(json.dumps({"name": CANARY}))
    return folder


def save_nifti(path: Path) -> None:
    data = np.random.default_rng(0).integers(0, 500, (20, 24, 6)).astype(np.int16)
    nibabel.save(nibabel.Nifti1Image(data, np.diag([-2.0, 2.0, 3.0, 1.0])), path)


@pytest.fixture(scope="module")
def dicom(home: Path, weights: Path) -> Iterator[Whole]:
    """On the stock default address, without authentication; links in the studies lead out."""
    outside, studies = home / "dicom-outside", home / "dicom" / "studies"
    copy_sample(studies / "t1")
    (studies / "secret.dcm").symlink_to(next((outside / "series").iterdir()))
    (studies / "secret").symlink_to(outside / "series")
    with whole_server(studies.parent, studies, outside, weights, "max_upload_mb", "2", host=False) as server:
        server.files["image"] = pydicom.dcmread(next((studies / "t1").iterdir())).SeriesInstanceUID.encode()
        yield server


@pytest.fixture(scope="module")
def nifti(home: Path, weights: Path) -> Iterator[Whole]:
    """With tokens; a link in the studies leads out."""
    outside, studies = home / "nifti-outside", home / "nifti" / "studies"
    studies.mkdir(parents=True)
    save_nifti(studies / "head.nii.gz")
    (studies / "secret.nii.gz").symlink_to(outside / "secret.nii.gz")
    token = new_token(studies.parent / "tokens.yaml", "attacker", "admin")
    with whole_server(
        studies.parent, studies, outside, weights, "tokens", str(studies.parent / "tokens.yaml")
    ) as server:
        server.token = token
        server.files["image"] = b"head"
        yield server


@pytest.fixture(params=["dicom", "nifti"])
def server(request: pytest.FixtureRequest) -> Whole:
    chosen: Whole = request.getfixturevalue(request.param)
    return chosen


def bad_names(server: Whole) -> list[str]:
    outside = server.outside
    up = f"../../{outside.name}"
    return [
        f"{up}/secret.txt",
        f"{up}/secret.nii.gz",
        f"{up}/secret",
        f"../{up}/secret.json",
        str(outside / "secret.txt"),
        f"/{outside / 'secret.txt'}",
        f"file://{outside / 'secret.txt'}",
        f"..\\..\\{outside.name}\\secret.txt",
        f"....//....//{outside.name}/secret.txt",
        f"%2e%2e/%2e%2e/{outside.name}/secret.txt",
        f"head\x00/../../{outside.name}/secret.txt",
        f"{up}/secret.txt\x00.nii.gz",
        "secret",
        "secret/1",
        OUTSIDE_UID,
        ".",
        "..",
        "~root",
        "x" * 250,
        "x" * 5000,
        "\u2025/\uff0e\uff0e/secret",
        "a\nb",
    ]


def unlawful(server: Whole) -> list[str]:
    """Those that fit into a header, and are no tag that anybody may use."""
    short = [name for name in bad_names(server) if "\n" not in name and len(name) < 1000]
    return [name for name in short if not re.fullmatch("[A-Za-z0-9_-]+", name)]


QUERIES = [
    ("GET", "/datastore/image?image={0}"),
    ("HEAD", "/datastore/image?image={0}"),
    ("GET", "/datastore/image/info?image={0}"),
    ("GET", "/datastore/label?label={0}&tag=final"),
    ("GET", "/datastore/label?label={1}&tag={0}"),
    ("GET", "/datastore/label/info?label={1}&tag={0}"),
    ("PUT", "/datastore/image/info?image={0}"),
    ("DELETE", "/datastore/image?id={0}"),
    ("DELETE", "/datastore/label?id={0}&tag=final"),
    ("DELETE", "/datastore/label?id={1}&tag={0}"),
    ("POST", "/infer/sdseg?image={0}"),
    ("POST", "/infer/sdseg?session_id={0}"),
    ("GET", "/logs/?logfile={0}&lines=10"),
]
PATHS = [
    ("GET", "/session/{0}"),
    ("DELETE", "/session/{0}"),
    ("GET", "/model/{0}"),
    ("GET", "/model/info/{0}"),
    ("POST", "/infer/{0}?image={1}"),
    ("POST", "/train/{0}"),
    ("POST", "/activelearning/{0}"),
    ("GET", "/jobs/{0}"),
    ("GET", "/review/{0}"),
    ("GET", "/web/{0}"),
    ("GET", "/web/login/{0}"),
    ("GET", "/ohif/{0}"),
    ("GET", "/dicom-web/studies/{0}/metadata"),
    ("GET", "/dicom-web/studies/1.2/series/{0}"),
    ("GET", "/dicom-web/studies/1.2/series/1.3/instances/{0}/bulkdata/{0}"),
    ("GET", "/{0}"),
    ("GET", "/static/{0}"),
    ("GET", "/proxy/{0}"),
]


def check(server: Whole, told: str, status: int, body: bytes) -> None:
    assert CANARY.encode() not in body, told
    assert status < 500 or status == 502, f"{told}: {status} {body[:200]!r}"


def test_what_a_link_leads_to_is_not_in_the_list(server: Whole) -> None:
    listed = json.loads(server.ask("GET", "/datastore/?output=all")[1])["objects"]
    assert list(listed) == [server.files["image"].decode()]


def test_no_id_in_a_query_leads_out(server: Whole) -> None:
    image = server.files["image"].decode()
    before = tree(server.studies.parent)
    for name in bad_names(server):
        for method, template in QUERIES:
            target = template.format(quote(name, safe=""), image)
            status, body = server.ask(method, target)
            check(server, f"{method} {target[:100]}", status, body)
            assert status >= 400 or "/logs/" in target, f"{method} {target[:100]}: {status}"
    assert {path for path in tree(server.studies.parent) - before if "audit" not in path} == set()
    assert server.watch.touched() == []


def test_no_part_of_a_path_leads_out(server: Whole) -> None:
    image = server.files["image"].decode()
    for name in bad_names(server):
        for method, template in PATHS:
            for written in {quote(name, safe=""), quote(name, safe="/."), quote(name, safe="").replace(".", "%2e")}:
                target = template.format(written, image)
                status, body = server.ask(method, target)
                check(server, f"{method} {target[:100]}", status, body)
    assert server.watch.touched() == []


def test_no_name_of_a_file_or_tag_leads_out(server: Whole, tmp_path: Path) -> None:
    image = server.files["image"].decode()
    save_nifti(tmp_path / "a.nii.gz")
    content = (tmp_path / "a.nii.gz").read_bytes()
    known = tree(server.studies.parent)
    for name in unlawful(server):
        for suffix in ("", ".nii.gz", ".dcm", ".zip"):
            sent = [
                server.send("PUT", "/datastore/label", "label", f"{name}{suffix}", content, image=image, tag=name),
                server.send("PUT", "/datastore/label", "label", f"{name}{suffix}", content, image=name),
                server.send("PUT", "/datastore/image", "file", f"{name}{suffix}", content, image=name),
            ]
            for status, body in sent:
                check(server, f"{name}{suffix}", status, body)
                assert status >= 400, name
    new = tree(server.studies.parent) - known
    assert not [path for path in new if not path.startswith(("model", "sessions", "studies"))]
    assert server.watch.touched() == []


def test_no_uploaded_file_name_of_an_image_leads_out(nifti: Whole, tmp_path: Path) -> None:
    """The name of the file becomes the id, if none is given: what is kept lies in the store, or nothing is."""
    save_nifti(tmp_path / "a.nii.gz")
    content = (tmp_path / "a.nii.gz").read_bytes()
    before = tree(nifti.studies.parent)
    for name in unlawful(nifti):
        status, body = nifti.send("PUT", "/datastore/image", "file", f"{name}.nii.gz", content)
        check(nifti, name, status, body)
    new = tree(nifti.studies.parent) - before
    assert not [path for path in new if not path.startswith("studies/")]
    assert nifti.watch.touched() == []


def test_no_parameter_of_an_inference_leads_out(server: Whole) -> None:
    image = server.files["image"].decode()
    before = tree(server.studies.parent)
    for name in unlawful(server):
        for key in ("result_extension", "device", "label_tag", "modality", "segmentation_type"):
            params = json.dumps({key: name, "save_label": key == "label_tag"})
            body = f"params={quote(params)}".encode()
            status, told = server.ask("POST", f"/infer/sdseg?image={image}", body, "application/x-www-form-urlencoded")
            check(server, f"{key} {name[:50]}", status, told)
            assert status == 422, (key, name[:50], told[:200])
    assert {path for path in tree(server.studies.parent) - before if path.startswith("studies")} == set()
    assert server.watch.touched() == []


def test_no_zip_leads_out(server: Whole) -> None:
    names = [name for name in bad_names(server) if "\x00" not in name and len(name) < 300]
    content = b"\x00" * 128 + b"DICM"
    before = tree(server.studies.parent)
    for packed in (
        evil_zip(names, content),
        evil_zip(["a.dcm"], content, str(server.outside / "secret.txt")),
        evil_zip(["a.dcm"], content, f"../../../{server.outside.name}/secret.nii.gz"),
    ):
        status, body = server.send("PUT", "/session/", "files", "../../a.zip", packed, uncompress="true")
        check(server, "zip", status, body)
    new = tree(server.studies.parent) - before
    assert not [path for path in new if not path.startswith(("sessions", "model"))]
    assert server.watch.touched() == []


@pytest.mark.parametrize(
    ("target", "kind", "start_of_body"),
    [
        ("PUT /session/", "multipart/form-data; boundary=x", PART % b"files"),
        ("PUT /datastore/label?image=head", "multipart/form-data; boundary=x", PART % b"label"),
        ("POST /infer/sdseg?image=head", "multipart/form-data; boundary=x", PART % b"file"),
        ("POST /dicom-web/studies", "multipart/related; type=application/dicom; boundary=x", STOW),
    ],
)
def test_no_upload_is_endless(dicom: Whole, target: str, kind: str, start_of_body: bytes) -> None:
    head = f"{target} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n"
    with socket.create_connection(("127.0.0.1", dicom.port), timeout=60) as client:
        client.sendall(head.encode() + chunk(start_of_body))
        for _ in range(33):  # of 64 KiB: a little more than 2 MiB
            client.sendall(chunk(b"0" * (1 << 16)))
        answer = b""
        while b'"detail"' not in answer:
            received = client.recv(65536)
            assert received, answer
            answer += received
    assert answer.startswith(b"HTTP/1.1 413"), answer


def test_the_stock_default_answers_this_machine_only(dicom: Whole) -> None:
    assert dicom.ask("GET", "/info/")[0] == 200
    assert "Only this machine is answered" in dicom.log.read_text()
    here, dicom_port = own_address(), dicom.port
    for path in ("/info/", "/", "/ohif/", "/dicom-web/studies", "/no/such/route", "/login"):
        reply = requests.get(f"http://{here}:{dicom_port}{path}", timeout=30, allow_redirects=False)
        assert reply.status_code == 403, path
        assert reply.headers["X-Frame-Options"] == "DENY"


def test_every_published_route_needs_the_token(nifti: Whole) -> None:
    document = json.loads(nifti.ask("GET", "/openapi.json")[1])
    token, nifti.token = nifti.token, ""
    try:
        open_paths = ("/login", "/logout", "/auth/", "/web/login/")
        for path, item in document["paths"].items():
            for method in item:
                target = path.replace("{", "").replace("}", "").replace(":path", "")
                status, _ = nifti.ask(method.upper(), target)
                assert status == 401 or path.startswith(open_paths), f"{method} {path}: {status}"
    finally:
        nifti.token = token


def test_the_audit_log_tells_of_it_without_names(nifti: Whole) -> None:
    lines = (nifti.studies.parent / "model" / "audit.jsonl").read_text().splitlines()
    entries = [json.loads(line) for line in lines]
    assert {entry["user"] for entry in entries} <= {"attacker", None}
    assert len(entries) > 100
    assert not [line for line in lines if "secret" in line or "head" in line or "/.." in line]
