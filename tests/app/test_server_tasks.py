"""Background tasks and the datastore's other routes, on a server of their own."""

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from app.running_server import Image, Server, copy_sample, run_server

from sdseg.model.weights import weights_sha256

LABELS = [{"name": "brain", "idx": 1}]
STEPS = {"max_steps": 2, "train_batch_size": "2", "val_split": 0.0, "name": "from_test", "promote": "always"}


@pytest.fixture(scope="module")
def busy_server(tmp_path_factory: pytest.TempPathFactory, weights: Path) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("tasks")
    copy_sample(home / "studies")
    yield from run_server(home, home / "studies", weights)


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/train/liver", 404, "no trainer 'liver'"),
        ("/train/sdseg", 422, "nothing to train on yet"),
        ("/batch/infer/liver", 404, "no model 'liver'"),
        ("/batch/infer/sdseg?images=some", 422, ""),
        ("/activelearning/oracle", 404, "no strategy 'oracle'"),
        ("/scoring/dice", 404, "no scoring method 'dice'"),
        ("/infer/wsi_v2/sdseg?image=/etc", 404, "no such address"),
    ],
)
def test_unknown_names_are_told_before_anything_starts(busy_server: Server, path: str, status: int, words: str) -> None:
    reply = busy_server.post(path)
    assert reply.status_code == status, reply.text
    assert words in str(reply.json()["detail"])
    assert busy_server.get("/train/").status_code == 404, "no task was started"


def test_a_batch_may_only_name_images_of_the_store(busy_server: Server) -> None:
    reply = busy_server.post("/batch/infer/sdseg", {"images": ["/etc"]})
    assert reply.status_code == 404
    assert "/etc" in reply.json()["detail"]


def test_batch_inference_labels_every_image_on_a_machine_without_gpu(busy_server: Server, image: Image) -> None:
    started = busy_server.post("/batch/infer/sdseg", {"device": "cuda", "max_workers": 1}, images="all")
    assert started.ok, started.text
    assert busy_server.post("/batch/infer/sdseg").status_code == 429
    task = busy_server.wait_for("/batch/infer")
    assert task["status"] == "DONE", task["details"]
    assert busy_server.get("/datastore/").json()["label_tags"] == {"original": 1}
    assert busy_server.get("/datastore/label/info", label=image.uid, tag="original").json()["params"]["seed"] == 0
    assert busy_server.segs() == [], "an automatic label is not filed unasked"


def test_training_publishes_weights_that_the_next_inference_uses(
    busy_server: Server, image: Image, box: Path, weights: Path
) -> None:
    assert busy_server.save_label(image.uid, box, label_info=LABELS).ok
    before = busy_server.infer(image.uid, output="json").json()["weights_sha256"]
    assert before == weights_sha256(weights)

    with ThreadPoolExecutor(4) as clicks:  # four impatient people
        replies = list(clicks.map(lambda _: busy_server.post("/train/sdseg", STEPS), range(4)))
    assert sorted(reply.status_code for reply in replies) == [200, 429, 429, 429]
    assert busy_server.get("/train/", check_if_running="true").status_code in (200, 404)
    task = busy_server.wait_for("/train/")
    assert task["status"] == "DONE", task["details"]
    assert busy_server.get("/train/", check_if_running="true").status_code == 404, "idle again"

    stats = busy_server.get("/info/").json()["train_stats"]["sdseg"]
    assert stats["steps"] == 2
    assert stats["total_time"]
    after = busy_server.infer(image.uid, output="json").json()["weights_sha256"]
    assert after == stats["weights_sha256"] != before
    checksum = busy_server.get("/model/info/sdseg").json()["checksum"]
    assert checksum == f"SHA256:{after}"


def test_a_batch_after_training_uses_the_new_weights(busy_server: Server, image: Image) -> None:
    """The batch runs in a process of its own, started with the same --conf weights."""
    new = busy_server.get("/info/").json()["train_stats"]["sdseg"]["weights_sha256"]
    assert busy_server.post("/batch/infer/sdseg").ok
    assert busy_server.wait_for("/batch/infer")["status"] == "DONE"
    told = busy_server.get("/datastore/label/info", label=image.uid, tag="original").json()["params"]
    assert told["weights_sha256"] == new


def test_wrong_training_parameters_end_the_task_with_a_sentence(busy_server: Server) -> None:
    for wrong in ({"max_epochs": "many"}, {"name": "../../x"}, {"val_split": 2}, {"device": "tpu"}):
        refused = busy_server.post("/train/sdseg", wrong)
        assert refused.status_code == 422, (wrong, refused.text)


def test_a_training_can_be_stopped(busy_server: Server) -> None:
    assert busy_server.post("/train/sdseg", {"max_epochs": 1000, "name": "stopped"}).ok
    while busy_server.get("/train/").json()["status"] == "SUBMITTED":
        pass
    stopped = requests.delete(f"{busy_server.url}/train/", timeout=60)
    assert stopped.json()["status"] == "STOPPED"
    assert busy_server.get("/train/", check_if_running="true").status_code == 404


def test_stopping_stops_what_waits_too(busy_server: Server) -> None:
    """OHIF's panel posts to /train/ for every model, and stops at /train/."""
    long = {"max_epochs": 1000, "name": "stopped"}
    started = busy_server.post("/train/", {"sdseg": long}).json()
    assert set(started) == {"sdseg"}
    assert busy_server.post("/train/", {"sdseg": long}).status_code == 429
    waiting = busy_server.post("/train/sdseg", long, enqueue="true").json()
    assert waiting["status"] == "SUBMITTED"
    assert requests.delete(f"{busy_server.url}/train/", timeout=60).json()["id"] == started["sdseg"]["result"]["id"]
    assert busy_server.get("/train/", check_if_running="true").status_code == 404
    tasks = {task["id"]: task["status"] for task in busy_server.get("/train/", all="true").json()}
    assert tasks[waiting["id"]] == tasks[started["sdseg"]["result"]["id"]] == "STOPPED"
    assert requests.delete(f"{busy_server.url}/train/", timeout=60).json() is None, "nothing is left to stop"


def test_the_weights_can_be_downloaded(busy_server: Server, tmp_path: Path) -> None:
    archive = tmp_path / "sdseg.zip"
    archive.write_bytes(busy_server.get("/model/sdseg").content)
    shutil.unpack_archive(archive, tmp_path / "weights")
    (folder,) = (tmp_path / "weights").iterdir()
    assert busy_server.get("/model/info/sdseg").json()["checksum"] == f"SHA256:{weights_sha256(folder)}"
    assert busy_server.get("/model/liver").status_code == 404
    refused = requests.put(f"{busy_server.url}/model/sdseg", files={"file": archive.read_bytes()}, timeout=60)
    assert refused.status_code == 405


def test_the_labelled_images_can_be_downloaded(busy_server: Server, image: Image, tmp_path: Path) -> None:
    archive = tmp_path / "dataset.zip"
    archive.write_bytes(busy_server.get("/datastore/dataset").content)
    shutil.unpack_archive(archive, tmp_path / "dataset")
    assert len(list((tmp_path / "dataset" / "image" / image.uid).iterdir())) == len(image.series.datasets)
    assert (tmp_path / "dataset" / "label" / f"{image.uid}.nrrd").is_file()


def test_an_image_can_be_downloaded_as_one_file(busy_server: Server, image: Image, tmp_path: Path) -> None:
    import SimpleITK as sitk

    path = tmp_path / "image.nrrd"
    path.write_bytes(busy_server.get("/datastore/image", image=image.uid).content)
    volume = sitk.ReadImage(str(path))
    assert (sitk.GetArrayFromImage(volume) == image.series.pixels()).all()
    assert requests.head(f"{busy_server.url}/datastore/image?image={image.uid}", timeout=60).ok
    unknown = requests.head(f"{busy_server.url}/datastore/image?image=../x", timeout=60)
    assert unknown.status_code == 404


def test_image_info_can_be_kept(busy_server: Server, image: Image) -> None:
    url = f"{busy_server.url}/datastore/image/info"
    assert requests.put(url, params={"image": image.uid}, data={"info": '{"note": 7}'}, timeout=60).ok
    assert busy_server.get("/datastore/image/info", image=image.uid).json()["note"] == 7
    broken = requests.put(url, params={"image": image.uid}, data={"info": "{"}, timeout=60)
    assert broken.status_code == 422
