"""A server that learns, on patients of its own, and that can be killed and started again on what it left."""

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from app.running_server import Server, end_group, server_environment, stock_command, wait_until_ready
from helpers.forked import Program
from loop.patients import Patient, some_patients, sources_of
from numpy.typing import NDArray

from sdseg.dicom.series import Series
from sdseg.model.pointer import is_folder_name, read_pointer
from sdseg.model.weights import load_weights
from sdseg.serving.launch import free_port
from sdseg.volume.labelmap import load_labelmap_like, save_labelmap

LABELS = [{"name": "brain", "idx": 1}]
TRAINING = {"max_steps": 40, "train_batch_size": 2, "val_split": 0, "name": "faults", "promote": "always"}
SECONDS = 240


@dataclass
class Site:
    """Patients, their labels as they were acknowledged, and the server. `start` it first."""

    home: Path
    weights: Path
    patients: dict[str, Patient]
    sources: dict[str, Series]
    labels: dict[str, str] = field(default_factory=dict)
    """Image -> SHA-256 of the label as the server gave it out after it had acknowledged it."""

    def start(self) -> None:
        port = free_port()
        settings = {"model_dir": self.home / "model", "weights": self.weights, "scoring": "off"}
        conf = [str(word) for pair in settings.items() for word in pair]
        _, *arguments = stock_command(self.home / "studies", *conf, port=port)
        log = self.home / "server.log"
        self.program = Program("monailabel.main", arguments, log, self.home, server_environment(self.home), True)
        self.server = Server(
            f"http://127.0.0.1:{port}", self.home / "studies", self.home / "model", self.weights, log, self.program.pid
        )
        wait_until_ready(self.server, self.program)

    def kill(self) -> None:
        """kill -9 of the server alone; a training that it started has to end by itself."""
        training = self.training_process()
        self.program.kill()
        self.program.wait(30)
        if training is not None:
            until(lambda: not _runs(training))

    def end(self) -> None:
        end_group(self.program)

    @property
    def models(self) -> Path:
        """The folder of the served model's weights."""
        (found,) = {path.parent for path in self.server.model_dir.glob("*/train_stats.json")} or {self.home}
        return found

    def stats(self) -> dict[str, Any]:
        """What the training wrote last; {} before its first word."""
        files = [*self.server.model_dir.glob("*/train_stats.json")]
        return dict(json.loads(files[0].read_text())) if files else {}

    def training_process(self) -> psutil.Process | None:
        """The one that trains now."""
        if not _runs_at(self.program.pid):
            return None
        found = psutil.Process(self.program.pid).children()
        return next((one for one in found if "train" in _words(one)), None)

    def draw(self, image: str, shift: int = 0) -> Path:
        """The truth of an image, moved by some columns, as a file to upload."""
        path = self.home / f"drawn-{image[-6:]}-{shift}.nii.gz"
        save_labelmap(self.truth(image, shift), self.sources[image].affine, path)
        return path

    def truth(self, image: str, shift: int = 0) -> NDArray[np.uint8]:
        """(columns, rows, slices), moved by some columns."""
        return np.ascontiguousarray(np.roll(self.patients[image].truth().transpose(2, 1, 0), shift, axis=0))

    def mask(self, image: str) -> NDArray[np.uint8]:
        """The final label as the server gives it out, (columns, rows, slices)."""
        reply = self.server.get("/datastore/label", label=image, tag="final")
        assert reply.ok, reply.text
        path = self.home / "given-out.nrrd"
        path.write_bytes(reply.content)
        return load_labelmap_like(path, self.home / "studies" / self.patients[image].patient_id)

    def label(self, image: str, shift: int = 0) -> None:
        reply = self.server.save_label(image, self.draw(image, shift), label_info=LABELS)
        assert reply.ok, reply.text
        self.labels[image] = self.given_out(image)

    def given_out(self, image: str) -> str:
        reply = self.server.get("/datastore/label", label=image, tag="final")
        assert reply.ok, reply.text
        return hashlib.sha256(reply.content).hexdigest()

    def train(self, **params: Any) -> None:
        reply = self.server.post("/train/sdseg", {**TRAINING, **params})
        assert reply.ok, reply.text

    def ended(self) -> dict[str, Any]:
        """The training as GET /jobs/ tells it when it has ended."""
        until(lambda: self.told().get("state") not in ("running", "paused"))
        self.server.wait_for("/train/", SECONDS)
        return self.told()

    def told(self) -> dict[str, Any]:
        return dict(self.server.get("/jobs/").json()["training"] or {})

    def served(self) -> dict[str, Any]:
        reply = self.server.get("/models/sdseg")
        assert reply.ok, reply.text
        return dict(reply.json())

    def check(self) -> None:
        """It answers, with whole weights, and all labels are there bit for bit."""
        reply = self.server.infer(next(iter(self.patients)), output="json")
        assert reply.ok, reply.text
        served = self.served()
        assert reply.json()["weights_sha256"] == served["served_sha256"]
        pointed = read_pointer(self.models)
        if pointed is not None:
            assert is_folder_name(pointed)
            load_weights(self.models / pointed)
        assert {image: self.given_out(image) for image in self.labels} == self.labels


@contextmanager
def site(home: Path, weights: Path, patients: int = 3) -> Iterator[Site]:
    """A running one; all but the last patient are labelled."""
    people = some_patients(patients)
    made = Site(home, weights, people, sources_of(people, home / "studies"))
    made.start()
    try:
        for image in [*people][:-1]:
            made.label(image)
        yield made
    finally:
        made.end()


def until(condition: Callable[[], Any], pause: float = 0.01) -> Any:
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(pause)
    raise AssertionError("it did not happen")


def kept_files(home: Path) -> Mapping[str, str]:
    """Every kept label -> its SHA-256."""
    found = (home / "model" / "datastore").rglob("labels/**/*")
    return {
        str(path.relative_to(home)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in found
        if path.is_file() and not path.name.startswith(".")
    }


def _words(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


def _runs(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def _runs_at(pid: int) -> bool:
    return psutil.pid_exists(pid)
