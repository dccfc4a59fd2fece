"""Fixtures of the tests of batches: small series, untrained weights, a command as a process."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.batch_bench import BatchBench
from helpers.models import save_tiny_weights


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_weights(tmp_path_factory.mktemp("weights") / "tiny")


@pytest.fixture
def bench(tmp_path: Path, weights: Path) -> Iterator[BatchBench]:
    made = BatchBench(tmp_path, weights)
    yield made
    made.end()
