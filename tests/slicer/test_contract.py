"""Every call of the Slicer extension, by the wheel's client and by a client of Python 3.13, against a real server.

Each test names the place in plugins/slicer/MONAILabel/MONAILabel.py that makes the call; docs/slicer.md lists them.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from app.running_server import Image, Server
from helpers.slicer_bench import ORGANS
from helpers.slicer_extension import Extension, ServerError
from monailabel.client.client import MONAILabelClientException

from sdseg.volume.labelmap import load_labelmap_like
from sdseg.volume.volume_files import grid_of, read

REFUSED = (ServerError, MONAILabelClientException)


def test_fetch_info(extension: Extension) -> None:
    """fetchInfo, updateGUIFromParameterNode: what the panel looks up by name."""
    info = extension.info
    assert list(info["models"]) == ["sdseg"]
    assert info["models"]["sdseg"]["labels"] == ORGANS, "whatever their order in the model card"
    assert list(info["models"]["sdseg"]["labels"]) == list(ORGANS), "older panels take them in this order"
    assert all(model["type"] == "segmentation" and model["description"] for model in info["models"].values())
    assert list(info["labels"]) == list(ORGANS), "initSample makes an empty segment of each"
    assert {"id", "completed", "total"} - {"id"} <= info["datastore"].keys()
    assert "random" in info["strategies"]
    assert list(info["trainers"]) == ["sdseg"]
    first = next(iter(info["train_stats"].values()), {})
    assert isinstance(first.get("best_metric", 0), int | float)


def test_next_sample_is_loaded_from_the_path_or_by_download(
    extension: Extension, server: Server, image: Image, tmp_path: Path
) -> None:
    """onNextSampleButton: slicer.util.loadVolume(path) where the file is on this machine, else downloadFromURL."""
    sample = extension.next_sample("random")
    assert sample["id"] == image.uid
    assert Path(sample["path"]).is_file(), "loadVolume takes no folder"
    assert sample["name"].endswith(".nrrd"), "the suffix of the download chooses Slicer's reader"
    assert "PatientID" not in sample
    assert not sample.get("checksum"), "a checksum would have to be in Slicer's form"
    downloaded = tmp_path / sample["name"]
    downloaded.write_bytes(requests.get(extension.download_uri(server.url, sample), timeout=60).content)
    for path in (Path(sample["path"]), downloaded):
        values, grid = read(path)
        assert (values == image.series.pixels().transpose(2, 1, 0)).all()
        np.testing.assert_allclose(grid.affine, image.series.affine, atol=1e-5)


def test_segment(extension: Extension, server: Server, image: Image) -> None:
    """onClickSegmentation with the values of the panel's table, as the table turns them into text and back."""
    file, told, names = extension.segment("sdseg", image.uid)
    assert names == list(ORGANS)
    assert told["label_names"] == ORGANS
    assert Path(file).name.endswith(".nrrd")
    mask, grid = read(Path(file))
    assert mask.dtype == np.uint8
    assert grid.shape == mask.shape == image.mask().shape
    np.testing.assert_allclose(grid.affine, image.series.affine, atol=1e-5)
    assert set(np.unique(mask)) == set(range(len(ORGANS) + 1)), "values are contiguous, and all are there"
    plain = server.infer(image.uid, output="image", params={"result_compress": False}).content
    assert Path(file).read_bytes() == plain


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd"])
def test_session(extension: Extension, image: Image, server: Server, suffix: str, slicer: Any, tmp_path: Path) -> None:
    """onUploadImage(session=True), getSessionId: the volume is saved by Slicer, sent, and segmented under any name."""
    slicer("load_volume", extension.next_sample("random")["path"])
    slicer("save_volume", tmp_path / f"volume{suffix}")
    client = extension.client()
    session = client.create_session(str(tmp_path / f"volume{suffix}"))["session_id"]
    assert client.get_session(session), "getSessionId sends the volume again where this is nothing"
    file, _, names = extension.segment("sdseg", "MRHead (copy)", session)
    assert names == list(ORGANS)
    of_session, of_image = read(Path(file)), read(Path(extension.segment("sdseg", image.uid)[0]))
    np.testing.assert_allclose(of_session[1].affine, of_image[1].affine, atol=1e-4)
    assert (of_session[0] == of_image[0]).mean() > 0.999, "the same voxels, whose positions were rounded on the way"
    assert client.remove_session(session)
    for gone in (lambda: extension.client().get_session(session), lambda: extension.segment("sdseg", "x", session)):
        with pytest.raises(REFUSED, match=r"404|no session") as refused:
            gone()
        assert "404" in str(getattr(refused.value, "msg", refused.value))


def test_session_with_fields_of_the_panel(extension: Extension, image: Image, tmp_path: Path) -> None:
    """`requests` sends client_id as a field beside the file."""
    path = image.save(tmp_path / "any.nii.gz")
    assert extension.client().create_session(str(path), {"anything": "else"})["session_info"]


@pytest.mark.usefixtures("labels")
def test_save_label_and_original_label(extension: Extension, server: Server, image: Image, tmp_path: Path) -> None:
    """onSaveLabel; then onNextSampleButton shows a label `original`, as infer with save_label made it."""
    saved = extension.save_label(image.uid, str(image.save(tmp_path / "label.nii.gz")), [{"name": "liver", "idx": 1}])
    assert saved["image"] == image.uid
    assert server.get("/datastore/").json()["label_tags"]["final"] == 1
    server.infer(image.uid, params={"save_label": True})
    file, names = extension.original_label(image.uid)
    assert names == list(ORGANS), "in the order of their values"
    mask = load_labelmap_like(file, Path(str(image.series.datasets[0].filename)).parent)  # type: ignore[attr-defined]
    assert set(np.unique(mask)) == {0, *ORGANS.values()}
    assert grid_of(Path(file)).shape == mask.shape


def test_upload_of_an_image_to_an_archive_is_refused_in_a_sentence(
    extension: Extension, image: Image, tmp_path: Path
) -> None:
    """onUploadImage: a DICOM archive takes DICOM only; sessions take the rest."""
    with pytest.raises(REFUSED) as refused:
        extension.client().upload_image(str(image.save(tmp_path / "x.nii.gz")), "MRHead")
    assert "422" in str(getattr(refused.value, "msg", refused.value))
    assert "archive" in str(getattr(refused.value, "msg", refused.value))


def test_is_auth_enabled(client: Callable[[], Any], server: Server) -> None:
    """A server without authentication says so; the client then sends no token."""
    assert client().auth_enabled() is False
    assert server.get("/auth/").json()["enabled"] is False, "and not by an error, which clients take for the same"


@pytest.fixture
def trainable(panel: Extension, image: Image, tmp_path: Path, labels: None) -> Extension:
    """One label is saved, and a training would take for ever: the user wrote so into the panel's table."""
    panel.save_label(image.uid, str(image.save(tmp_path / "label.nrrd")), [{"name": "liver", "idx": 1}])
    panel.info["trainers"]["sdseg"]["config"]["max_epochs"] = "999999"
    return panel


def test_train_status_and_stop(trainable: Extension) -> None:
    """onTraining; isTrainingRunning and monitorTraining, every five seconds; onStopTraining."""
    assert trainable.client().train_status(check_if_running=True) is False
    started = trainable.train("sdseg")
    assert started["id"] and started["status"] in ("SUBMITTED", "RUNNING")
    assert "start_ts" in started
    wait_for(lambda: trainable.client().train_status(check_if_running=True))
    assert trainable.client().train_status()["status"] == "RUNNING"
    assert_stopped(trainable)
    wait_for(lambda: not trainable.client().train_status(check_if_running=True))
    assert trainable.client().train_status()["status"] != "RUNNING"


def test_train_all(trainable: Extension) -> None:
    """The panel offers ALL first: a POST without a model. It shows `id` and `status` if they are there."""
    assert list(trainable.train()) == ["sdseg"]
    assert_stopped(trainable)


def assert_stopped(panel: Extension) -> None:
    stopped = panel.client().train_stop()
    assert stopped.get("result", stopped["details"][-1]) is not None, "onStopTraining shows it"
    assert {"status", "start_ts"} <= stopped.keys()


def wait_for(condition: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_what_a_killed_server_left_is_gone(server: Server) -> None:
    assert not (server.log.parent / "sessions" / "own-gone").exists()
