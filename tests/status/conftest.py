"""A server whose pages are looked at: the sample series, and weights that find something else with each noise."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from app.running_server import Image, Server, copy_sample, run_server
from helpers.models import save_tiny_weights

from sdseg.dicom.series import load_series


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_weights(tmp_path_factory.mktemp("weights") / "brain-tiny")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, weights: Path) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("server")
    copy_sample(home / "studies" / "patient" / "t1")
    yield from run_server(home, home / "studies", weights)


@pytest.fixture(scope="session")
def image(server: Server) -> Image:
    series = load_series(server.studies / "patient" / "t1")
    return Image(series.series_instance_uid, series)
