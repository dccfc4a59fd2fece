"""Servers on a copy of the sample study and on a NIfTI volume."""

from collections.abc import Iterator
from pathlib import Path

import nibabel
import numpy as np
import pytest
from app.running_server import Image, Server, copy_sample, run_server
from helpers.models import save_tiny_weights

from sdseg.dicom.series import load_series


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights of the smallest size: what they find is noise, but never nothing."""
    return save_tiny_weights(tmp_path_factory.mktemp("weights") / "brain-tiny")


@pytest.fixture(scope="session")
def image_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_sample(tmp_path_factory.mktemp("source") / "t1")


@pytest.fixture(scope="session")
def image(image_folder: Path) -> Image:
    series = load_series(image_folder)
    return Image(series.series_instance_uid, series)


@pytest.fixture
def box(image: Image, tmp_path: Path) -> Path:
    """A mask that fits the sample series."""
    return image.save(tmp_path / "label.nrrd")


@pytest.fixture
def wrong_box(image: Image, tmp_path: Path) -> Path:
    """A mask of another shape."""
    return image.save(tmp_path / "label.nii.gz", image.mask()[:, :, :-3])


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, weights: Path) -> Iterator[Server]:
    """One server for all tests of this folder; its temporary files are its own."""
    home = tmp_path_factory.mktemp("server")
    copy_sample(home / "studies" / "patient" / "t1")
    (home / "tmp").mkdir()
    yield from run_server(home, home / "studies", weights, environment={"TMPDIR": str(home / "tmp")})


@pytest.fixture(scope="module")
def nifti_server(tmp_path_factory: pytest.TempPathFactory, weights: Path) -> Iterator[Server]:
    """A server on a folder with one NIfTI volume."""
    home = tmp_path_factory.mktemp("nifti")
    (home / "studies").mkdir()
    data = np.random.default_rng(0).integers(0, 500, (40, 50, 12)).astype(np.int16)
    nibabel.save(nibabel.Nifti1Image(data, np.diag([-2.0, 2.0, 3.0, 1.0])), home / "studies" / "head.nii.gz")
    yield from run_server(home, home / "studies", weights)
