"""A server on a folder of DICOM files, and one on a real Orthanc, each with patients and one who annotates them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from app.running_server import run_server
from helpers.orthanc import PASSWORD, USER, orthanc
from loop.annotator import Annotator, stow
from loop.learnable import save_learnable_weights
from loop.patients import some_patients, sources_of

SETTINGS = {"validation_fraction": "0.4", "scoring_noises": "2"}
"""With this fraction the second and the fifth patient who are labelled judge new models."""


@pytest.fixture(scope="session")
def learnable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_learnable_weights(tmp_path_factory.mktemp("learnable") / "disc-tiny")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, learnable: Path) -> Iterator[Annotator]:
    """Segmentations are stored through our own DICOMweb."""
    home, patients = tmp_path_factory.mktemp("folder"), some_patients()
    sources = sources_of(patients, home / "studies")
    for server in run_server(home, home / "studies", learnable, SETTINGS):
        yield Annotator(server, patients, sources, f"{server.url}/dicom-web")


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory, learnable: Path) -> Iterator[Annotator]:
    """Segmentations are stored in Orthanc, past our server."""
    home, patients = tmp_path_factory.mktemp("archive"), some_patients()
    sources = sources_of(patients, home / "sent")
    with orthanc(home / "orthanc") as pacs, pytest.MonkeyPatch.context() as environment:
        for source in sources.values():
            stow(pacs.web, *source.datasets)
        environment.setenv("SDSEG_DICOMWEB_USERNAME", USER)
        environment.setenv("SDSEG_DICOMWEB_PASSWORD", PASSWORD)
        for server in run_server(home, pacs.plain_web, learnable, SETTINGS):
            yield Annotator(server, patients, sources, pacs.web)


@pytest.fixture(params=["folder", "archive"])
def annotator(request: pytest.FixtureRequest) -> Annotator:
    clinic: Annotator = request.getfixturevalue(request.param)
    return clinic
