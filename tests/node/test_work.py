"""The worker: what ends a series' segmentation, and how often it is tried."""

import logging
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers.node_bench import mr
from pydicom import dcmread

from sdseg.errors import EmptySegmentationError, GeometryError
from sdseg.inference import to_seg
from sdseg.node import progress
from sdseg.node.config import NodeConfig
from sdseg.node.headers import identify
from sdseg.node.home import Home
from sdseg.node.ledger import Ledger
from sdseg.node.metrics import Counters
from sdseg.node.reception import register
from sdseg.node.rules import Rule
from sdseg.node.schema import SeriesRow, State
from sdseg.node.work import CRASHED, Worker

Effect = Callable[[], str]


class Shop:
    """A worker, and one complete series."""

    def __init__(self, root: Path, weights: Path) -> None:
        rule = Rule(weights=weights, targets=("one",))
        targets = {"one": {"address": str(root)}}
        retry = {"first_seconds": 1e-6, "longest_seconds": 1e-6}
        self.config = NodeConfig.model_validate(
            {"home": root, "allow_any_caller": True, "targets": targets, "rules": [rule], "retry": retry}
        )
        self.home = Home(root)
        self.home.create()
        self.ledger = Ledger(self.home.ledger, create=True)
        self.datasets = mr()
        self.uid = str(self.datasets[0].SeriesInstanceUID)
        (self.home.incoming / self.uid).mkdir()
        with self.ledger.writing() as session:
            for dataset in self.datasets:
                path = self.home.received(self.uid, dataset.SOPInstanceUID)
                dataset.save_as(path, enforce_file_format=True)
                register(session, identify(path.read_bytes(), b"", dataset.SOPClassUID, dataset.SOPInstanceUID), "A")
            progress.complete(session, session.get_one(SeriesRow, self.uid), rule, 1)
        self.stopping = threading.Event()
        self.worker = Worker(self.config, self.home, self.ledger, Counters(), self.stopping)

    def series(self) -> SeriesRow:
        with self.ledger.reading() as session:
            return session.get_one(SeriesRow, self.uid)


@pytest.fixture
def shop(tmp_path: Path, weights: Path) -> Shop:
    return Shop(tmp_path, weights)


def raising(error: BaseException) -> Effect:
    def segment(*_: object, **__: object) -> str:
        raise error

    return segment


def test_the_same_series_gives_the_same_file(shop: Shop) -> None:
    completed = shop.series().changed_at
    assert shop.worker.step()
    row = shop.series()
    assert row.state == State.SEGMENTED
    path = shop.home.results / row.seg_file
    first = path.read_bytes()
    assert dcmread(path).SOPInstanceUID == row.seg_uid
    path.unlink()
    with shop.ledger.writing() as session:
        again = session.get_one(SeriesRow, shop.uid)
        progress.segment_again(session, again)
        again.changed_at = completed
    assert shop.worker.step()
    assert path.read_bytes() == first
    assert not any(shop.home.work.iterdir())


@pytest.mark.parametrize(
    "error",
    [
        EmptySegmentationError("The model found no brain."),
        GeometryError("Tilted.", ("1.2.3",)),
        ZeroDivisionError("SECRET^NAME"),
        KeyError("SECRET^NAME"),
    ],
)
def test_what_will_not_change_is_a_dead_letter_at_once(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(to_seg, "segment_to_seg", raising(error))
    assert shop.worker.step()
    row = shop.series()
    assert (row.state, row.attempts) == (State.DEAD, 1)
    assert row.reason and "SECRET" not in row.reason
    assert row.blamed == list(getattr(error, "instances", ()))


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), MemoryError(), RuntimeError("SECRET^NAME")])
def test_what_may_pass_is_tried_again(shop: Shop, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    monkeypatch.setattr(to_seg, "segment_to_seg", raising(error))
    shop.worker.step()
    row = shop.series()
    assert (row.state, row.attempts) == (State.COMPLETE, 1)
    assert "SECRET" not in row.reason
    while shop.series().state == State.COMPLETE:
        shop.worker.step()
    assert shop.series().attempts == shop.config.segmentation_attempts


class Killed(BaseException):
    """As if the process ended here."""


def test_a_series_that_ends_the_process_becomes_a_dead_letter(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(to_seg, "segment_to_seg", raising(Killed()))
    for attempt in range(1, shop.config.segmentation_attempts + 1):
        with pytest.raises(Killed):
            shop.worker.step()
        assert (shop.series().attempts, shop.series().reason) == (attempt, CRASHED)
    shop.worker.step()
    assert shop.series().state == State.DEAD
    assert CRASHED in shop.series().reason


def test_a_stop_does_not_count(shop: Shop) -> None:
    shop.stopping.set()
    shop.worker.step()
    row = shop.series()
    assert (row.state, row.attempts, row.reason) == (State.COMPLETE, 0, "")


def test_what_came_during_the_work_discards_the_result(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    late = mr(slices=5)[4]
    path = shop.home.received(shop.uid, late.SOPInstanceUID)

    def segment(_: object, folder: Path, output: Path, **__: object) -> tuple[str, None]:
        late.save_as(path, enforce_file_format=True)
        arrival = identify(path.read_bytes(), b"", late.SOPClassUID, late.SOPInstanceUID)
        with shop.ledger.writing() as session:
            register(session, arrival, "A")
        assert len(list(folder.iterdir())) == 4
        output.write_bytes(b"SEG of four slices")
        return "1.2.9", None

    monkeypatch.setattr(to_seg, "segment_to_seg", segment)
    shop.worker.step()
    assert shop.series().state == State.RECEIVING
    assert not any(shop.home.results.iterdir())


def test_nothing_found_is_told_and_no_file_is_written(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from sdseg.inference.segmenter import Segmenter

    def nothing(_: object, probability: np.ndarray) -> np.ndarray:
        return np.zeros(probability.shape[1:], np.uint8)

    monkeypatch.setattr(Segmenter, "to_labelmap", nothing)
    shop.worker.step()
    row = shop.series()
    assert row.state == State.DEAD
    assert "found no brain" in row.reason
    assert not any(shop.home.results.iterdir())


def test_the_models_are_made_ready_when_no_series_waits(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    assert shop.worker.step()
    assert shop.series().state == State.SEGMENTED
    assert "ready" not in caplog.text  # the series went first
    assert shop.worker.step()
    assert "the model is ready" in caplog.text
    assert not shop.worker.step()


def test_a_model_that_cannot_be_made_ready_ends_nothing(
    shop: Shop, weights: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shop.worker.step()
    copy = shutil.copytree(weights, tmp_path / "damaged")
    (copy / "unet" / "diffusion_pytorch_model.safetensors").write_bytes(b"")
    worker = Worker(
        shop.config.model_copy(update={"rules": (Rule(weights=copy, targets=("one",)),)}),
        *(shop.home, shop.ledger, Counters(), shop.stopping),
    )
    assert worker.step()
    assert "the model is not made ready" in caplog.text
    assert not worker.step()
