"""A training that was stopped, and one whose server was killed: told, and gone on with."""

import os
import signal
from pathlib import Path

import psutil
import pytest
import requests
from app.running_server import run_server
from loop.annotator import Annotator, until
from loop.conftest import SETTINGS
from loop.patients import some_patients, sources_of

LONG = {"max_epochs": 10000, "max_steps": 0, "name": "interrupted"}

pytestmark = pytest.mark.slow


def _has_kept_a_state(annotator: Annotator) -> bool:
    runs = annotator.server.model_dir / "sdseg" / "runs" / "interrupted"
    return any(path.is_dir() for path in runs.glob("*/checkpoints/[!.]*"))


def test_a_training_stopped_or_orphaned_is_told_and_goes_on(
    tmp_path_factory: pytest.TempPathFactory, learnable: Path
) -> None:
    home, patients = tmp_path_factory.mktemp("interrupted"), some_patients(3)
    sources = sources_of(patients, home / "studies")
    for server in run_server(home, home / "studies", learnable, SETTINGS):
        _interrupt_twice(Annotator(server, patients, sources, f"{server.url}/dicom-web"))
    for server in run_server(home, home / "studies", learnable, SETTINGS):
        _finish(Annotator(server, patients, sources, f"{server.url}/dicom-web"))


def _interrupt_twice(annotator: Annotator) -> None:
    """By a person, then by the death of the server."""
    server = annotator.server
    refused = annotator.start()
    assert refused.status_code == 422 and "nothing to train on" in refused.json()["detail"]
    for patient in annotator.patients.values():
        annotator.correct(patient)
    assert annotator.start(**LONG).ok
    until(lambda: _has_kept_a_state(annotator))
    assert annotator.start().status_code == 429
    assert requests.delete(f"{server.url}/train/", timeout=60).json()["status"] == "STOPPED"
    stopped = annotator.training()
    assert (stopped["state"], stopped["detail"]) == ("stopped", "Stopped on request.")
    assert annotator.start(**LONG).ok
    _goes_on(annotator)
    child = psutil.Process(annotator.stats()["pid"])
    os.kill(server.pid, signal.SIGKILL)
    child.wait(timeout=60)


def _finish(annotator: Annotator) -> None:
    told = annotator.training()
    assert told["state"] == "stopped" and "The server that had started the training ended" in told["detail"]
    assert annotator.start(**LONG).ok
    _goes_on(annotator)
    runs = annotator.server.model_dir / "sdseg" / "runs" / "interrupted"
    assert len(list(runs.iterdir())) == 1, "one run, over three lives"
    assert requests.delete(f"{annotator.server.url}/train/", timeout=60).json()["status"] == "STOPPED"


def _goes_on(annotator: Annotator) -> None:
    until(lambda: annotator.training()["state"] == "running")
    going_on = until(lambda: (seen := annotator.training())["stage"] == "train" and seen["done"] and seen)
    assert going_on["state"] == "running" and going_on["done"] > 1, "not from the first step"
