"""POST /infer: the four outputs, and everything that can be wrong with a request."""

import json
import threading
import time
from io import BytesIO
from pathlib import Path

import nrrd
import numpy as np
import pydicom
import pytest
import requests
import torch
from app.running_server import Image, Server
from requests_toolbelt import MultipartDecoder

from sdseg.dicom.seg_reader import read_seg
from sdseg.inference.segmenter import Segmenter
from sdseg.model.weights import weights_sha256


@pytest.fixture(scope="module")
def expected(server: Server, image: Image) -> np.ndarray:
    """(i, j, k): what the library finds without a server."""
    folder = server.studies / "patient" / "t1"
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as the server: sums in another order end a hair above or below one half
    found: np.ndarray = Segmenter.load(server.weights).segment(folder).labelmap
    torch.set_num_threads(threads)
    assert 0 < found.sum() < found.size, "the weights of the tests must find something, and not everything"
    return found


def test_info_is_what_viewers_expect(server: Server, image: Image) -> None:
    info = server.get("/info/").json()
    assert "config" not in info, "3D Slicer takes a top-level config for an old server"
    assert {"name", "labels", "models", "trainers", "strategies", "train_stats", "datastore"} <= info.keys()
    model = info["models"]["sdseg"]
    assert (model["type"], model["labels"], model["dimension"]) == ("segmentation", {"brain": 1}, 3)
    for value in model["config"].values():
        assert isinstance(value, str | bool) or all(isinstance(item, str) for item in value), "combo boxes take text"
    assert info["labels"] == ["brain"]
    assert "random" in info["strategies"]
    assert "sdseg" in info["trainers"]
    assert info["datastore"]["total"] == 1


def test_output_json_tells_what_made_the_result(server: Server, image: Image) -> None:
    # Nobody else asks with this seed: what is kept from an earlier inference would have taken no time.
    told = server.infer(image.uid, params={"seed": 20}, output="json").json()
    assert told["label_names"] == {"brain": 1}
    assert told["weights_sha256"] == weights_sha256(server.weights)
    assert (told["seed"], told["empty"], told["left_out"], told["cached"]) == (20, False, 0, False)
    assert told["latencies"]["total"] >= told["latencies"]["infer"] > 0


def test_output_image_is_a_plain_uint8_nrrd_in_the_source_order(
    server: Server, image: Image, expected: np.ndarray, tmp_path: Path
) -> None:
    reply = server.infer(image.uid, output="image", params={"result_compress": False, "restore_label_idx": False})
    assert reply.ok
    assert ".nrrd" in reply.headers["content-disposition"]
    header, _, voxels = reply.content.partition(b"\n\n")
    assert b"encoding: raw" in header
    # OHIF takes the voxels without looking at the header: column fastest, then row, then slice.
    assert voxels == expected.tobytes(order="F")
    (tmp_path / "reply.nrrd").write_bytes(reply.content)
    data, fields = nrrd.read(str(tmp_path / "reply.nrrd"))
    assert data.dtype == np.uint8
    lps = np.diag([-1, -1, 1, 1]) @ image.series.affine
    np.testing.assert_allclose(np.asarray(fields["space directions"], float).T, lps[:3, :3], atol=1e-6)
    np.testing.assert_allclose(fields["space origin"], lps[:3, 3], atol=1e-4)


def test_output_all_is_multipart_with_a_named_file(server: Server, image: Image, expected: np.ndarray) -> None:
    parts = MultipartDecoder.from_response(server.infer(image.uid)).parts
    dispositions = [part.headers[b"Content-Disposition"].decode() for part in parts]
    assert 'name="params"' in dispositions[0]
    assert 'filename="' in dispositions[1] and ".nrrd" in dispositions[1]
    assert json.loads(parts[0].content)["label_names"] == {"brain": 1}
    assert parts[1].content.endswith(expected.tobytes(order="F"))


def test_the_same_seed_gives_the_same_mask_and_another_another(server: Server, image: Image) -> None:
    once, again, other = (
        server.infer(image.uid, params={"seed": seed}, output="image").content for seed in ("5", 5, 6)
    )
    assert once == again
    assert once != other


def test_output_dicom_seg_is_the_result_as_seg(server: Server, image: Image, expected: np.ndarray) -> None:
    before = len(server.segs())
    reply = server.infer(image.uid, output="dicom_seg")
    assert reply.headers["content-type"] == "application/dicom"
    seg = pydicom.dcmread(BytesIO(reply.content))
    labelmap, labels = read_seg(seg, image.series)
    assert labels == {"brain": 1}
    assert (labelmap == expected.transpose(2, 1, 0)).all()
    assert seg.SegmentSequence[0].SegmentAlgorithmType == "AUTOMATIC"
    assert len(server.segs()) == before, "only asked for, not filed"


def test_save_seg_files_the_result_beside_the_source(server: Server, image: Image, expected: np.ndarray) -> None:
    filed = server.infer(image.uid, params={"save_seg": True}, output="json").json()["seg"]
    path = Path(filed["path"])
    assert path.parent.parent == server.studies / "patient"
    labelmap, _ = read_seg(path, image.series)
    assert (labelmap == expected.transpose(2, 1, 0)).all()
    again = server.infer(image.uid, params={"save_seg": "true"}, output="json").json()["seg"]
    assert again == filed, "the same result is the same object, filed once"
    assert server.get("/datastore/").json()["total"] == 1, "a SEG is no image to segment"


def test_result_extension_can_be_chosen(server: Server, image: Image) -> None:
    reply = server.infer(image.uid, params={"result_extension": ".nii.gz"}, output="image")
    assert ".nii.gz" in reply.headers["content-disposition"]
    assert reply.content[:2] == b"\x1f\x8b"


def test_a_nifti_in_the_request_is_segmented_and_not_kept(nifti_server: Server, server: Server) -> None:
    volume = nifti_server.studies / "head.nii.gz"
    reply = server.infer(file=volume, output="json")
    assert reply.ok, reply.text
    refused = server.infer(file=volume, output="dicom_seg")
    assert refused.status_code == 422
    assert "image of the datastore" in refused.json()["detail"]


def test_a_session_is_segmented(server: Server, image: Image) -> None:
    files = [("files", (path.name, path.read_bytes())) for path in (server.studies / "patient" / "t1").iterdir()]
    session = requests.put(f"{server.url}/session/", files=files, timeout=60).json()["session_id"]
    assert server.infer(session_id=session, output="json").json()["label_names"] == {"brain": 1}
    unknown = server.infer(session_id="../patient", output="json")
    assert unknown.status_code == 404


def test_others_are_answered_while_a_model_runs(server: Server, image: Image) -> None:
    replies: list[requests.Response] = []
    click = threading.Thread(target=lambda: replies.append(server.infer(image.uid, output="json")))
    click.start()
    time.sleep(0.1)
    start = time.monotonic()
    assert server.get("/info/").ok
    waited, running = time.monotonic() - start, click.is_alive()
    click.join()
    assert replies[0].ok
    assert running or waited < 1


@pytest.mark.parametrize(
    ("query", "params", "status", "words"),
    [
        ({"model": "liver"}, {}, 404, "no model 'liver'"),
        ({"image": "1.2.3"}, {}, 404, "no image series '1.2.3'"),
        ({"image": "/etc"}, {}, 404, "no image series '/etc'"),
        ({"image": "../t1"}, {}, 404, "no image series"),
        ({"image": ""}, {}, 422, "Say what to segment"),
        ({"image": ""}, {"image": "/etc"}, 422, "Say what to segment"),
        ({}, "{not json", 422, "params is not valid JSON"),
        ({}, "[1]", 422, "must be a JSON object"),
        ({}, {"seed": "many"}, 422, "seed must be a whole number"),
        ({}, {"seed": -1}, 422, "seed must be a whole number"),
        ({}, {"device": "tpu"}, 422, "no device 'tpu'"),
        ({}, {"result_extension": "/../x"}, 422, "result_extension"),
        ({}, {"save_label": True, "label_tag": "../../x"}, 422, "label tag"),
        ({}, {"save_seg": "perhaps"}, 422, "save_seg must be true or false"),
        ({"output": "video"}, {}, 422, ""),
    ],
)
def test_a_wrong_request_is_told_in_one_sentence(
    server: Server, image: Image, query: dict[str, str], params: object, status: int, words: str
) -> None:
    reply = server.infer(**{"image": image.uid, **query}, params=params)  # type: ignore[arg-type]
    assert reply.status_code == status, reply.text
    assert words in str(reply.json()["detail"])
    assert "Traceback" not in reply.text


def test_paths_of_the_server_cannot_be_smuggled_in(server: Server, image: Image) -> None:
    """Whatever the form says, the image is the one of the query."""
    for key in ("image", "image_path", "local_file"):
        reply = server.infer(image.uid, params={key: "/etc", "model": "liver"}, output="json")
        assert reply.ok, (key, reply.text)


def test_an_upload_of_another_kind_is_refused(server: Server, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    assert server.infer(file=tmp_path / "notes.txt").status_code == 422
    (tmp_path / "head.nii.gz").write_bytes(b"no NIfTI at all")
    broken = server.infer(file=tmp_path / "head.nii.gz")
    assert broken.status_code == 422
    assert "cannot be read as an image" in broken.json()["detail"]


def test_no_result_file_is_left_behind(server: Server, image: Image) -> None:
    for output in ("all", "image", "dicom_seg"):
        server.infer(image.uid, output=output)
    (own,) = (server.log.parent / "tmp").glob("sdseg-*/own-*")
    left = {path.relative_to(own).parts[1:] for path in own.rglob("*") if path.is_file()}
    assert left == {("reply",)}, "the replies of the last jobs, and nothing besides"
