"""One browser, and one server over a folder and one over Orthanc, with the shipped weights and the sample study."""

import shutil
from collections.abc import Iterator

import numpy as np
import pydicom
import pytest
import requests
from app.running_server import SAMPLE, Server, run_server
from helpers.orthanc import PASSWORD, USER, orthanc
from numpy.typing import NDArray

from sdseg.dicom.series import Series, load_series
from sdseg.inference.segmenter import Segmenter

WEIGHTS = SAMPLE.parent / "weights" / "brain-small"


@pytest.fixture(scope="session")
def series() -> Series:
    return load_series(SAMPLE)


@pytest.fixture(scope="session")
def expected() -> NDArray[np.uint8]:
    """(slices, rows, columns): what the library finds in the sample series."""
    return Segmenter.load(WEIGHTS).segment(SAMPLE).labelmap.transpose(2, 1, 0)


@pytest.fixture(scope="session")
def folder_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The sample study with its instances numbered from the head down, as scanners often do."""
    home = tmp_path_factory.mktemp("folder")
    studies = home / "studies"
    shutil.copytree(SAMPLE, studies)
    files = sorted(studies.glob("*.dcm"))
    for number, path in enumerate(reversed(files), start=1):
        dataset = pydicom.dcmread(path)
        dataset.InstanceNumber = number
        dataset.save_as(path)
    yield from run_server(home, studies, WEIGHTS)


@pytest.fixture(scope="session")
def orthanc_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The sample study in an Orthanc with a password, which only the server knows."""
    home = tmp_path_factory.mktemp("orthanc")
    with orthanc(home / "pacs") as pacs:
        for path in sorted(SAMPLE.glob("*.dcm")):
            requests.post(f"{pacs.rest}/instances", data=path.read_bytes(), timeout=60).raise_for_status()
        servers = run_server(home, pacs.plain_web, WEIGHTS)
        with pytest.MonkeyPatch.context() as patch:  # for the start alone: other tests of this process go on
            patch.setenv("MONAI_LABEL_DICOMWEB_USERNAME", USER)
            patch.setenv("MONAI_LABEL_DICOMWEB_PASSWORD", PASSWORD)
            server = next(servers)
        yield server
        servers.close()
