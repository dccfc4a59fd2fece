"""Fixtures for all tests: synthetic DICOM series, the sample data, and a browser."""

import atexit
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.browser import chromium
from helpers.dicom_series import SeriesMaker
from playwright.sync_api import Browser

from sdseg.quick_start import leave_out_extras

leave_out_extras()  # here, and in every process that a test starts
_EARLY = str(Path(__file__).parent / "helpers" / "early")
if _EARLY not in os.environ.get("PYTHONPATH", "").split(os.pathsep):
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [_EARLY, os.environ.get("PYTHONPATH")]))

if "SDSEG_CACHE" not in os.environ:  # one for all processes of a run: engines are measured once, nobody's home is used
    os.environ["SDSEG_CACHE"] = tempfile.mkdtemp(prefix="sdseg-test-cache-")
    atexit.register(shutil.rmtree, os.environ["SDSEG_CACHE"], ignore_errors=True)

SAMPLE_DATA = Path(__file__).parents[1] / "sample-data"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Long campaigns are left out unless they are asked for (`make test-long`).

    Of several processes of tests none is to wait at the end for one that has just begun a file of minutes: files with
    slow tests come first, each file in its own order.
    """
    if "long" not in config.option.markexpr:
        long = [item for item in items if item.get_closest_marker("long")]
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item not in long]
    if hasattr(config, "workerinput"):
        slow = {item.path for item in items if item.get_closest_marker("slow")}
        items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(autouse=True)
def usual_log_level() -> Iterator[None]:
    """A command that runs within a test quietens the root logger for the rest of its process: not for other tests."""
    logging.getLogger().setLevel(logging.WARNING)
    yield


@pytest.fixture
def sample_data() -> Path:
    """The folder sample-data of this repository."""
    return SAMPLE_DATA


@pytest.fixture
def series_maker() -> type[SeriesMaker]:
    """`series_maker(slices=6, modality="CT", orientation=[...]).datasets()` or `.save(folder)`."""
    return SeriesMaker


@pytest.fixture
def ct_folder(tmp_path: Path) -> Path:
    """A folder with a synthetic axial CT of 6 slices, 20 rows, 24 columns."""
    return SeriesMaker().save(tmp_path / "ct")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One for all tests of a process: Playwright starts no second."""
    with chromium() as running:
        yield running
