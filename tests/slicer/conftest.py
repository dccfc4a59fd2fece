"""Servers on the sample study with a model of several structures and one of one, Slicer's logic, both clients."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
import torch
from app.running_server import Image, Server, copy_sample, run_server
from helpers.models import tiny_card, tiny_pipeline
from helpers.slicer_bench import ORGANS, Slicer, slicer_logic
from helpers.slicer_extension import Client, Extension
from monailabel.client.client import MONAILabelClient

from sdseg.dicom.series import load_series
from sdseg.model.weights import save_weights

BRAIN = Path(__file__).parents[2] / "sample-data" / "weights" / "brain-small"
CLIENTS = {"wheel": MONAILabelClient, "replay": Client}


@pytest.fixture(scope="session")
def slicer_process() -> Iterator[Slicer]:
    with slicer_logic() as logic:
        yield logic


@pytest.fixture
def slicer(slicer_process: Slicer) -> Slicer:
    """An empty scene."""
    slicer_process("new_scene")
    return slicer_process


@pytest.fixture(scope="session")
def organs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights of several classes; with this seed each finds something."""
    folder = tmp_path_factory.mktemp("weights") / "organs"
    card = tiny_card(tuple(ORGANS))
    shuffled = replace(card, labels=dict(sorted(card.labels.items())))
    save_weights(tiny_pipeline(7, classes=len(ORGANS) + 1), shuffled, folder, torch.float32)
    return folder


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, organs: Path) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("slicer")
    copy_sample(home / "studies" / "t1")
    (home / "sessions" / "own-gone" / "a-session").mkdir(parents=True)  # of a server that was killed
    yield from run_server(home, home / "studies", organs)


@pytest.fixture(scope="session")
def brain_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """With the model that comes with the project: one structure."""
    home = tmp_path_factory.mktemp("brain")
    copy_sample(home / "studies" / "t1")
    yield from run_server(home, home / "studies", BRAIN)


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    series = load_series(copy_sample(tmp_path_factory.mktemp("source") / "t1"))
    return Image(series.series_instance_uid, series)


@pytest.fixture(params=CLIENTS)
def client(request: pytest.FixtureRequest, server: Server, tmp_path: Path) -> Callable[[], Any]:
    """A new client, of the wheel or our replay, as MONAILabelLogic makes one for each call."""
    return lambda: CLIENTS[request.param](server.url, str(tmp_path), "user-xyz")


@pytest.fixture
def extension(client: Callable[[], Any]) -> Extension:
    """The panel, which has fetched what the server offers."""
    panel = Extension(client)
    panel.fetch_info()
    return panel


@pytest.fixture
def labels(server: Server, image: Image) -> Iterator[None]:
    """Labels that a test saves are gone after it: the next one finds the image unlabelled."""
    yield
    for tag in requests.get(f"{server.url}/datastore/", timeout=60).json()["label_tags"]:
        requests.delete(f"{server.url}/datastore/label", params={"id": image.uid, "tag": tag}, timeout=60)
    assert server.get("/datastore/").json()["completed"] == 0


@pytest.fixture
def brain_panel(brain_server: Server, tmp_path: Path) -> Extension:
    panel = Extension(lambda: Client(brain_server.url, str(tmp_path), "user-xyz"))
    panel.fetch_info()
    return panel


@pytest.fixture
def panel(server: Server, tmp_path: Path) -> Extension:
    """The same with one client: for what Slicer does with an answer, not how it asks."""
    panel = Extension(lambda: Client(server.url, str(tmp_path), "user-xyz"))
    panel.fetch_info()
    return panel
