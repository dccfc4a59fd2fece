"""Two annotators and a viewer that stores into the archive: whose label is whose, over HTTP."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import requests
from app.running_server import Image, Server, copy_sample, run_server

from sdseg.dicom.seg_writer import build_seg
from sdseg.model.weights import weights_sha256
from sdseg.serving.token_file import new_token
from sdseg.volume.labelmap import load_labelmap_like

LABELS = [{"name": "brain", "idx": 1}]


@dataclass
class Site:
    """A server with users."""

    server: Server
    tokens: dict[str, str]
    image: Image
    scratch: Path

    def ask(self, user: str, method: str, path: str, **more: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.tokens[user]}", **more.pop("headers", {})}
        return requests.request(method, f"{self.server.url}{path}", headers=headers, timeout=120, **more)

    def save(self, user: str, mask: np.ndarray, tag: str = "final", **params: Any) -> requests.Response:
        file = self.image.save(self.scratch / "label.nrrd", mask)
        query = {"image": self.image.uid, "tag": tag}
        told = {"params": json.dumps({"label_info": LABELS, **params})}
        files = {"label": ("label.nrrd", file.read_bytes())}
        return self.ask(user, "PUT", "/datastore/label", params=query, data=told, files=files)

    def get(self, path: str, user: str = "reader", **query: Any) -> requests.Response:
        return self.ask(user, "GET", path, params={"label": self.image.uid, "tag": "final", **query})

    def mask_of(self, **query: Any) -> np.ndarray:
        reply = self.get("/datastore/label", **query)
        assert reply.ok, reply.text
        (self.scratch / "got.nrrd").write_bytes(reply.content)
        return load_labelmap_like(self.scratch / "got.nrrd", self.server.studies / "t1")

    def listed(self) -> dict[str, dict[str, Any]]:
        """Annotator -> what is told of his final label; in the order of the answer."""
        reply = self.ask("reader", "GET", "/datastore/label/annotators", params={"image": self.image.uid})
        assert reply.ok, reply.text
        return {one["annotator"]: one for one in reply.json() if one["tag"] == "final"}

    def store_seg(self, mask: np.ndarray, creator: str) -> requests.Response:
        """As OHIF and Slicer do it: STOW-RS (PS3.18 10.5)."""
        volume = mask.transpose(2, 1, 0)
        seg = build_seg(self.image.series, volume, {"brain": 1}, None, content_creator_name=creator)
        content = BytesIO()
        seg.save_as(content, enforce_file_format=True)
        body = b"--b\r\nContent-Type: application/dicom\r\n\r\n" + content.getvalue() + b"\r\n--b--\r\n"
        kind = 'multipart/related; type="application/dicom"; boundary=b'
        return self.ask("anna", "POST", "/dicom-web/studies", data=body, headers={"Content-Type": kind})


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, weights: Path, image: Image) -> Iterator[Site]:
    home = tmp_path_factory.mktemp("annotators")
    copy_sample(home / "studies" / "t1")
    roles = {"anna": "annotator", "bob": "annotator", "chief": "admin", "reader": "reader"}
    tokens = {name: new_token(home / "tokens.yaml", name, role) for name, role in roles.items()}
    for server in run_server(home, home / "studies", weights, {"tokens": str(home / "tokens.yaml")}):
        yield Site(server, tokens, image, home)


@pytest.fixture
def boxed(image: Image) -> Any:
    """A box in some slices of the sample series."""

    def make(*slices: int) -> np.ndarray:
        mask = np.zeros_like(image.mask())
        mask[30:90, 100:140, list(slices)] = 1
        return mask

    return make


def test_before_there_is_a_label(site: Site) -> None:
    assert site.listed() == {}
    for query in ({}, {"annotator": "anna"}, {"annotator": ""}):
        assert site.get("/datastore/label", **query).status_code == 404
    unknown = site.ask("reader", "GET", "/datastore/label/annotators", params={"image": "1.2.3"})
    assert unknown.status_code == 404 and unknown.json()["detail"].endswith(".")
    assert site.ask("reader", "GET", "/datastore/label/annotators").status_code == 422


@pytest.mark.parametrize("slices", ["some", [], [99], [-1], [1.5], {"a": 1}, [True]])
def test_slices_that_cannot_be_are_refused(site: Site, boxed: Any, slices: Any) -> None:
    reply = site.save("anna", boxed(3), labelled_slices=slices)
    assert reply.status_code == 422 and "labelled_slices" in reply.json()["detail"]
    assert site.listed() == {} and site.server.segs() == []


def test_a_correction_tells_what_was_changed_in_which_prediction(site: Site, image: Image) -> None:
    reply = site.ask(
        "anna",
        "POST",
        "/infer/sdseg",
        params={"image": image.uid, "output": "image"},
        data={"params": json.dumps({"seed": 5, "result_compress": False})},
    )
    (site.scratch / "found.nrrd").write_bytes(reply.content)
    found = load_labelmap_like(site.scratch / "found.nrrd", site.server.studies / "t1")
    edited = found.copy()
    edited[60:64, 60:65, 2] ^= 1
    edited[70, 70, 9] ^= 1
    assert site.save("anna", edited).ok
    told = site.listed()["anna"]
    assert told["edited"]["voxels"] == 21 and told["edited"]["slices"] == 2 and told["edited"]["seed"] == 5
    assert told["edited"]["weights_sha256"] == weights_sha256(site.server.weights)
    assert told["labelled_slices"] == "all" and told["counts"] is True and told["structures"] == {"brain": 1}
    (seg,) = site.server.segs()
    assert str(pydicom.dcmread(seg).ContentCreatorName) == "anna^"
    assert told["edited"]["weights_sha256"] in str(
        pydicom.dcmread(seg).SegmentSequence[0].SegmentationAlgorithmIdentificationSequence[0].AlgorithmParameters
    )


def test_two_annotators_keep_their_own(site: Site, boxed: Any) -> None:
    before = site.mask_of()
    assert site.save("bob", boxed(3, 4), labelled_slices=[3, 4]).ok
    assert list(site.listed()) == ["bob", "anna"]
    assert [one["counts"] for one in site.listed().values()] == [True, False]
    assert (site.mask_of() == boxed(3, 4)).all() and (site.mask_of(annotator="anna") == before).all()
    assert site.listed()["bob"]["labelled_slices"] == [3, 4]
    assert site.get("/datastore/label/info").json()["annotator"] == "bob"
    assert site.get("/datastore/label/info", annotator="anna").json()["annotator"] == "anna"
    assert site.get("/datastore/label", annotator="carl").status_code == 404
    head = {"image": site.image.uid, "tag": "final"}
    assert site.ask("reader", "HEAD", "/datastore/label", params={**head, "annotator": "anna"}).ok
    assert site.ask("reader", "HEAD", "/datastore/label", params={**head, "annotator": "x"}).status_code == 404
    counts = site.ask("reader", "GET", "/datastore/").json()
    assert counts == {"total": 1, "completed": 1, "label_tags": {"final": 1}}, "one image, however many label it"


def test_a_note_adds_and_forges_nothing(site: Site) -> None:
    forged = {"annotator": "x", "user": "x", "edited": {}, "by_model": True}
    noted = {"comment": "seen", "labelled_slices": "all"}
    query = {"label": site.image.uid, "tag": "final", "annotator": "bob"}
    told = {"info": json.dumps({**forged, **noted})}
    assert site.ask("anna", "PUT", "/datastore/label/info", params=query, data=told).ok
    info = site.get("/datastore/label/info", annotator="bob").json()
    assert (info["annotator"], info["user"], info["comment"]) == ("bob", "bob", "seen") and "by_model" not in info
    assert site.listed()["bob"]["labelled_slices"] == "all"
    wrong = {"info": json.dumps({"labelled_slices": "none"})}
    assert site.ask("anna", "PUT", "/datastore/label/info", params=query, data=wrong).status_code == 422


def test_a_seg_that_a_viewer_stored_is_a_label_of_its_creator(site: Site, boxed: Any) -> None:
    assert site.store_seg(boxed(6), "Carl^Otto").ok
    assert list(site.listed()) == ["Carl^Otto", "bob", "anna"]
    assert (site.mask_of() == boxed(6)).all()
    assert (site.mask_of(annotator="bob") == boxed(3, 4)).all()
    assert site.store_seg(boxed(6, 7), "Carl^Otto").ok and site.store_seg(boxed(8), "").ok
    assert list(site.listed()) == ["", "Carl^Otto", "bob", "anna"]
    assert (site.mask_of(annotator="Carl^Otto") == boxed(6, 7)).all()


def test_withdrawn_rejected_and_back_again(site: Site, boxed: Any) -> None:
    query = {"id": site.image.uid, "tag": "final"}
    review = f"/review/{site.image.uid}"
    assert site.ask("anna", "DELETE", "/datastore/label", params=query).status_code == 403
    gone = site.ask("chief", "DELETE", "/datastore/label", params={**query, "annotator": ""})
    assert gone.ok and list(site.listed()) == ["Carl^Otto", "bob", "anna"]
    again = site.ask("chief", "DELETE", "/datastore/label", params={**query, "annotator": ""})
    assert again.status_code == 404
    rejected = {"verdict": "reject", "reason": "too large", "annotator": "bob"}
    assert site.ask("anna", "POST", review, json=rejected).ok
    assert site.listed()["bob"]["verdict"] == "reject" and site.listed()["anna"]["verdict"] is None
    assert site.ask("anna", "POST", review, json={**rejected, "annotator": "x"}).status_code == 404
    pairs = site.ask("chief", "GET", "/datastore/", params={"output": "train"}).json()
    assert len(pairs) == 1
    assert site.ask("chief", "DELETE", "/datastore/label", params=query).ok and site.listed() == {}
    assert site.ask("reader", "GET", "/datastore/").json()["completed"] == 0
    assert site.ask("anna", "POST", review, json={"verdict": "accept"}).ok
    assert list(site.listed()) == ["Carl^Otto", "bob", "anna"] and (site.mask_of() == boxed(6, 7)).all()
    segs = {str(pydicom.dcmread(path).ContentCreatorName) for path in site.server.segs()}
    assert segs >= {"anna^", "bob^", "Carl^Otto"}, "nothing that was filed is gone"


def test_no_patient_is_named_in_the_log(site: Site) -> None:
    header = site.image.series.datasets[0]
    log = site.server.log.read_text()
    assert str(header.PatientName) not in log and "Traceback" not in log
