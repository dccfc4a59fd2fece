"""Saving labels over HTTP: what fits is kept and filed, what does not leaves no trace."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
import requests
from app.running_server import Image, Server, copy_sample, run_server

from sdseg.dicom.seg_reader import read_seg
from sdseg.volume.labelmap import load_labelmap_like

LABELS = [{"name": "brain", "idx": 1}]


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory, weights: Path) -> Iterator[Server]:
    """A server of its own: these tests count labels."""
    home = tmp_path_factory.mktemp("labels")
    copy_sample(home / "studies")
    yield from run_server(home, home / "studies", weights)


def stored_files(server: Server) -> list[Path]:
    kept = (server.model_dir / "datastore").rglob("labels/*/*/*")
    return sorted([*kept, *server.segs()])


def counts(server: Server) -> dict[str, object]:
    found: dict[str, object] = server.get("/datastore/").json()
    assert found == server.get("/info/").json()["datastore"]
    return found


@pytest.mark.parametrize(
    ("query", "words", "status"),
    [
        ({"tag": "../../x"}, "label tag '../../x' is not allowed", 422),
        ({"tag": "a b"}, "is not allowed", 422),
        ({"image": "1.2.3"}, "no image series", 404),
        ({"image": "../../x"}, "no image series", 404),
        ({"label_info": [{"name": "brain", "idx": 2}]}, "the value 1", 422),
        ({"label_info": [{"name": "brain"}]}, "needs a name and a number", 422),
        ({"label_info": [{"name": "grmbl", "idx": 1}]}, "grmbl", 422),
    ],
)
def test_a_label_that_cannot_be_right_is_refused_and_leaves_nothing(
    own_server: Server, image: Image, box: Path, query: dict[str, object], words: str, status: int
) -> None:
    before = stored_files(own_server)
    reply = own_server.save_label(**{"image": image.uid, "label": box, "label_info": LABELS, **query})  # type: ignore[arg-type]
    assert reply.status_code == status, reply.text
    assert words in reply.json()["detail"]
    assert stored_files(own_server) == before
    assert counts(own_server)["completed"] == 0


def test_a_mask_of_another_shape_or_place_is_refused(
    own_server: Server, image: Image, wrong_box: Path, tmp_path: Path
) -> None:
    shifted = image.series.affine.copy()
    shifted[0, 3] += 4.0
    nibabel.save(nibabel.Nifti1Image(image.mask(), shifted), tmp_path / "shifted.nii.gz")
    (tmp_path / "short.bin").write_bytes(image.mask().tobytes(order="F")[:-7])
    (tmp_path / "broken.nrrd").write_bytes(b"NRRD0004\nno more")
    for label in (wrong_box, tmp_path / "shifted.nii.gz", tmp_path / "short.bin", tmp_path / "broken.nrrd"):
        reply = own_server.save_label(image.uid, label, label_info=LABELS)
        assert reply.status_code == 422, (label.name, reply.text)
        assert reply.json()["detail"].endswith("."), "one sentence"
    assert stored_files(own_server) == []


def test_an_empty_final_label_and_odd_uploads_are_refused(own_server: Server, image: Image, tmp_path: Path) -> None:
    empty = image.save(tmp_path / "empty.nrrd", np.zeros_like(image.mask()))
    assert own_server.save_label(image.uid, empty, label_info=LABELS).status_code == 422
    (tmp_path / "label.exe").write_bytes(b"MZ")
    assert "is of no known kind" in own_server.save_label(image.uid, tmp_path / "label.exe").json()["detail"]
    broken = requests.put(
        f"{own_server.url}/datastore/label",
        params={"image": image.uid},
        data={"params": "{"},
        files={"label": ("label.nrrd", empty.read_bytes())},
        timeout=60,
    )
    assert broken.status_code == 422
    assert stored_files(own_server) == []


def test_a_final_label_is_filed_counted_and_found_again(
    own_server: Server, image: Image, box: Path, weights: Path, tmp_path: Path
) -> None:
    assert own_server.post("/activelearning/random").json()["id"] == image.uid
    saved = own_server.save_label(image.uid, box, label_info=LABELS)
    assert saved.json() == {"image": image.uid, "label": image.uid}
    assert counts(own_server) == {"total": 1, "completed": 1, "label_tags": {"final": 1}}
    assert own_server.post("/activelearning/random").json() == {}, "nothing left is a normal answer"

    (seg,) = own_server.segs()
    labelmap, labels = read_seg(seg, image.series)
    assert labels == {"brain": 1}
    assert (labelmap == image.mask().transpose(2, 1, 0)).all()
    assert pydicom.dcmread(seg).SegmentSequence[0].SegmentAlgorithmType == "MANUAL"

    kept = own_server.get("/datastore/label", label=image.uid, tag="final")
    (tmp_path / "kept.nrrd").write_bytes(kept.content)
    assert (load_labelmap_like(tmp_path / "kept.nrrd", own_server.studies) == image.mask()).all()

    again = own_server.save_label(image.uid, box, label_info=LABELS)
    assert again.ok
    assert own_server.segs() == [seg], "saving the same label again files nothing"


def test_after_an_inference_a_changed_label_is_a_new_version_made_with_the_model(
    own_server: Server, image: Image, tmp_path: Path
) -> None:
    before = own_server.segs()
    told = own_server.infer(image.uid, params={"seed": 3}, output="json").json()
    edited = image.mask()
    edited[40, 110, 8] = 0
    assert own_server.save_label(image.uid, image.save(tmp_path / "edited.nrrd", edited), label_info=LABELS).ok
    (new,) = set(own_server.segs()) - set(before)
    segment = pydicom.dcmread(new).SegmentSequence[0]
    assert segment.SegmentAlgorithmType == "SEMIAUTOMATIC"
    parameters = str(segment.SegmentationAlgorithmIdentificationSequence[0].AlgorithmParameters)
    assert told["weights_sha256"] in parameters
    versions = [path for path in stored_files(own_server) if path.suffix == ".nrrd"]
    assert len(versions) == 2, "the older version is kept"
    assert counts(own_server)["completed"] == 1


def test_ohif_and_nifti_labels_are_taken_under_any_tag_without_a_seg(
    own_server: Server, image: Image, tmp_path: Path
) -> None:
    before = own_server.segs()
    (tmp_path / "label.bin").write_bytes(image.mask().tobytes(order="F"))
    nifti = image.save(tmp_path / "label.nii.gz")
    shutil.copy(before[0], tmp_path / "label.dcm")
    assert own_server.save_label(image.uid, tmp_path / "label.bin", tag="original", label_info=LABELS).ok
    assert own_server.save_label(image.uid, nifti, tag="second_reader", label_info=LABELS).ok
    assert own_server.save_label(image.uid, tmp_path / "label.dcm", tag="third", label_info=LABELS).ok
    tags = counts(own_server)["label_tags"]
    assert tags == {"final": 1, "original": 1, "second_reader": 1, "third": 1}
    assert own_server.segs() == before
    objects = own_server.get("/datastore/", output="all").json()["objects"]
    assert set(objects[image.uid]["labels"]) == {"final", "original", "second_reader", "third"}
    (pair,) = own_server.get("/datastore/", output="train").json()
    assert len(list(Path(pair["image"]).glob("*.dcm"))) == len(image.series.datasets)


def test_everything_survives_a_restart(own_server: Server, image: Image, weights: Path, tmp_path: Path) -> None:
    expected = counts(own_server)
    for restarted in run_server(own_server.model_dir.parent, own_server.studies, weights):
        assert counts(restarted) == expected
        assert restarted.get("/datastore/label", label=image.uid, tag="final").ok


def test_labels_can_be_withdrawn_but_images_cannot(own_server: Server, image: Image) -> None:
    url = f"{own_server.url}/datastore"
    gone = requests.delete(f"{url}/label", params={"id": image.uid, "tag": "second_reader"}, timeout=60)
    assert gone.ok
    assert "second_reader" not in str(counts(own_server)["label_tags"])
    for reply in (
        requests.delete(f"{url}/label", params={"id": image.uid, "tag": "nope"}, timeout=60),
        requests.delete(f"{url}/image", params={"id": image.uid}, timeout=60),
        requests.put(f"{url}/image", files={"file": ("x.nii.gz", b"x")}, timeout=60),
    ):
        assert 400 <= reply.status_code < 500
        assert reply.json()["detail"]
    assert len(list(own_server.studies.glob("IM_*.dcm"))) == len(image.series.datasets)


def test_the_archive_folder_holds_dicom_only(own_server: Server) -> None:
    others = [path for path in own_server.studies.rglob("*") if path.is_file() and path.suffix != ".dcm"]
    assert others == []


def test_patients_are_not_named_in_the_log(own_server: Server, image: Image) -> None:
    name = str(image.series.datasets[0].PatientName)
    assert name and name not in own_server.log.read_text()


def test_a_nifti_folder_is_monai_labels_own_store(nifti_server: Server, tmp_path: Path) -> None:
    info = nifti_server.get("/info/").json()
    assert info["datastore"]["total"] == 1
    assert nifti_server.post("/activelearning/random").json()["id"] == "head"
    assert nifti_server.infer("head", output="json").json()["label_names"] == {"brain": 1}
    label = tmp_path / "label.nii.gz"
    source = nibabel.load(nifti_server.studies / "head.nii.gz")
    nibabel.save(nibabel.Nifti1Image(np.ones((40, 50, 11), np.uint8), source.affine), label)
    assert nifti_server.save_label("head", label, label_info=LABELS).status_code == 422
    nibabel.save(nibabel.Nifti1Image(np.ones((40, 50, 12), np.uint8), source.affine), label)
    assert nifti_server.save_label("head", label, tag="../../x", label_info=LABELS).status_code == 422
    assert nifti_server.save_label("nobody", label, label_info=LABELS).status_code == 404
    assert nifti_server.save_label("head", label, label_info=LABELS).ok
    assert (nifti_server.studies / "labels" / "final" / "head.nii.gz").is_file()
    assert nifti_server.get("/info/").json()["datastore"]["completed"] == 1
    assert nifti_server.infer("tail").status_code == 404
    seg = nifti_server.infer("head", output="dicom_seg")
    assert seg.status_code == 422
