"""The served model is made ready by itself, and never in the way of a request."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from app.running_server import START_SECONDS, Server, copy_sample, run_server

from sdseg.engines.speed import PLAIN_SPEED, Speed
from sdseg.inference.segmenter import Segmenter
from sdseg.jobs.job import Asked
from sdseg.jobs.queue import JobQueue
from sdseg_app.jobs.lanes import Devices
from sdseg_app.jobs.quiet import Quiet
from sdseg_app.served.segmenters import LoadedModels, Segmenters
from sdseg_app.served.warm_up import WarmUp
from sdseg_app.served.weights_choice import WeightsChoice

READY, LOADED = "is ready", "Serving weights"


class Seen(LoadedModels):
    """Tells what was loaded."""

    def __init__(self, before: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self.loads = 0
        self._before = before

    def get(self, folder: Path, device: str, speed: Speed = PLAIN_SPEED) -> Segmenter:
        self.loads += 1
        self._before()
        return super().get(folder, device, speed)


@pytest.fixture
def queue() -> Iterator[JobQueue]:
    queue = JobQueue(4)
    yield queue
    queue.close()


def warm(tmp_path: Path, folder: Path, loaded: LoadedModels, queue: JobQueue) -> WarmUp:
    segmenters = Segmenters(WeightsChoice(folder, tmp_path / "model", None), loaded)
    return WarmUp(segmenters, "cpu", Devices(tmp_path / "turns", True, True), Quiet(queue))


def test_an_idle_server_loads_and_makes_one_pass(
    tmp_path: Path, weights: Path, queue: JobQueue, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    loaded = Seen()
    thread = warm(tmp_path, weights, loaded, queue)
    thread.start()
    assert thread.join(60)
    assert loaded.loads == 1
    assert READY in caplog.text


def test_a_request_that_came_first_is_left_alone(
    tmp_path: Path, weights: Path, queue: JobQueue, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    done = threading.Event()
    queue.submit(Asked("sdseg", "image", "", "cpu"), lambda job: done.wait(60))
    loaded = Seen()
    thread = warm(tmp_path, weights, loaded, queue)
    thread.start()
    assert thread.join(60)
    done.set()
    assert loaded.loads == 0
    assert READY not in caplog.text


def test_a_request_that_comes_while_it_loads_has_the_device(
    tmp_path: Path, weights: Path, queue: JobQueue, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    done = threading.Event()
    loaded = Seen(lambda: queue.submit(Asked("sdseg", "image", "", "cpu"), lambda job: done.wait(60)) and None)
    thread = warm(tmp_path, weights, loaded, queue)
    thread.start()
    assert thread.join(60)
    done.set()
    assert loaded.loads == 1
    assert READY not in caplog.text


def test_weights_that_cannot_be_used_are_told_and_end_nothing(
    tmp_path: Path, queue: JobQueue, caplog: pytest.LogCaptureFixture
) -> None:
    thread = warm(tmp_path, tmp_path / "nowhere", Seen(), queue)
    thread.start()
    assert thread.join(60)
    assert "not made ready: There is no weights folder" in caplog.text


def test_a_server_that_nobody_asked_is_ready_before_its_first_inference(tmp_path: Path, weights: Path) -> None:
    copy_sample(tmp_path / "studies" / "t1")
    for server in run_server(tmp_path, tmp_path / "studies", weights):
        wait_for(server, READY)
        image = next(iter(requests.get(f"{server.url}/datastore/?output=all", timeout=60).json()["objects"]))
        assert server.infer(image).status_code == 200
        assert server.log.read_text().count(LOADED) == 1  # the request found it loaded


def wait_for(server: Server, words: str) -> None:
    for _ in range(START_SECONDS * 5):
        if words in server.log.read_text():
            return
        assert server.get("/info/").ok  # it answers all the while
        time.sleep(0.2)
    raise AssertionError(server.log.read_text())
