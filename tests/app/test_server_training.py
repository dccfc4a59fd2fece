"""A training seen from outside: stages, steps, curves, its pause for an inference, and its end."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from app.running_server import Image, Server, copy_sample, run_server
from app.test_server_tasks import LABELS

from sdseg.jobs.turns import DeviceTurns

SECONDS = 90


@pytest.fixture(scope="module")
def training_server(tmp_path_factory: pytest.TempPathFactory, weights: Path, image: Image) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("training")
    copy_sample(home / "studies")
    for server in run_server(home, home / "studies", weights):
        box = image.save(home / "label.nrrd")
        assert server.save_label(image.uid, box, label_info=LABELS).ok
        yield server


def _until(condition: Callable[[], Any]) -> Any:
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError("it did not happen")


def _training(server: Server) -> dict[str, Any]:
    return dict(server.get("/jobs/").json()["training"] or {})


def test_a_training_is_seen_from_its_start_pauses_for_an_inference_and_can_be_stopped(
    training_server: Server, image: Image
) -> None:
    server = training_server
    assert server.get("/jobs/").json()["training"] is None
    assert server.get("/jobs/training/curves").json() == {"steps": [], "loss": [], "val_dice": []}
    assert server.post("/train/sdseg", {"max_epochs": 100000, "train_batch_size": 2, "name": "long"}).ok
    first = _training(server)
    assert (first["model"], first["state"], first["stage"]) == ("sdseg", "running", "prepare")
    running = _until(lambda: (seen := _training(server))["done"] > 3 and seen)
    assert (running["state"], running["stage"]) == ("running", "train")
    assert running["total"] > running["done"]
    assert _until(lambda: _training(server)["eta_seconds"]) > 0

    with DeviceTurns(server.model_dir / "jobs" / "turns", "cpu").foreground():
        paused = _until(lambda: (seen := _training(server))["state"] == "paused" and seen)
        assert "while an inference uses the device" in paused["detail"]
        assert server.post("/train/sdseg").status_code == 429
    going_on = _until(
        lambda: (seen := _training(server))["state"] == "running" and seen["done"] > paused["done"] and seen
    )
    assert going_on["detail"] == ""
    assert server.infer(image.uid, output="json").ok, "a click comes between"

    assert requests.delete(f"{server.url}/train/", timeout=SECONDS).json()["status"] == "STOPPED"
    stopped = _training(server)
    assert (stopped["state"], stopped["detail"]) == ("stopped", "Stopped on request.")
    assert stopped["eta_seconds"] is None
    assert server.get("/info/").json()["train_stats"]["sdseg"]["state"] == "stopped"
    assert server.infer(image.uid, params={"seed": 4}, output="json").ok, "its turn is free"


def test_a_training_to_its_end_leaves_curves(training_server: Server, image: Image) -> None:
    server = training_server
    steps = {"max_steps": 20, "train_batch_size": 2, "val_split": 0.0, "name": "short"}
    assert server.post("/train/sdseg", steps).ok
    done = _until(lambda: (seen := _training(server))["state"] == "done" and seen)
    assert (done["stage"], done["losses"].keys()) == ("publish", {"noise", "latent", "loss"})
    curves = server.get("/jobs/training/curves").json()
    assert curves["steps"] == list(range(2, 21, 2))
    assert len(curves["loss"]) == 10
    assert all(loss > 0 for loss in curves["loss"])
