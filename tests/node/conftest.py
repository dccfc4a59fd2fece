"""Fixtures of the node's tests."""

from pathlib import Path

import pytest
from helpers.models import save_tiny_weights
from helpers.node_bench import Bench


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_weights(tmp_path_factory.mktemp("weights") / "tiny")


@pytest.fixture
def bench(tmp_path: Path, weights: Path) -> Bench:
    return Bench(tmp_path, weights)
