"""BINARY SEG whose frames do not fill whole bytes, on an oblique series: what later OHIFs misread, the bundled one."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from app.running_server import Server, run_server
from helpers.dicom_series import SeriesMaker
from helpers.models import save_tiny_weights
from ohif.viewer import open_viewer
from playwright.sync_api import Browser

from sdseg.dicom.series import load_series
from sdseg.volume.labelmap import save_labelmap

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("odd")
    (home / "studies").mkdir()
    maker = SeriesMaker(slices=7, rows=21, columns=23, orientation=[0, 0.8, 0.6, 0, -0.6, 0.8], modality="MR")
    for number, dataset in enumerate(maker.datasets()):
        dataset.save_as(home / "studies" / f"{number}.dcm", enforce_file_format=True)
    yield from run_server(home, home / "studies", save_tiny_weights(home / "brain-tiny"))


def test_every_voxel_is_where_it_was_drawn(browser: Browser, server: Server, tmp_path: Path) -> None:
    series = load_series(server.studies)
    slices, rows, columns = series.geometry.shape
    assert rows * columns % 8
    drawn = np.random.default_rng(3).integers(0, 2, (slices, rows, columns)).astype(np.uint8)
    save_labelmap(drawn.transpose(2, 1, 0), series.affine, tmp_path / "drawn.nrrd")
    assert server.save_label(series.series_instance_uid, tmp_path / "drawn.nrrd").ok
    with open_viewer(browser, server.url) as viewer:
        viewer.open_study(str(series.datasets[0].StudyInstanceUID))
        stored = viewer.overlay(series, viewer.open_stored())
    assert np.array_equal(stored.mask, drawn)
