"""What a person is told in OHIF when Run ends without a result."""

from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
import torch
from app.running_server import SAMPLE, Server, copy_sample, run_server
from helpers.models import tiny_card, tiny_pipeline
from ohif.viewer import WAIT, open_viewer
from playwright.sync_api import Browser, expect

from sdseg.model.weights import save_weights

pytestmark = pytest.mark.slow
WEIGHTS = SAMPLE.parent / "weights" / "brain-small"


def study_of(folder: Path) -> str:
    return str(pydicom.dcmread(next(folder.glob("*.dcm"))).StudyInstanceUID)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The sample series without a slice in its middle."""
    home = tmp_path_factory.mktemp("gap")
    files = sorted(copy_sample(home / "studies" / "a").glob("*.dcm"))
    files[len(files) // 2].unlink()
    yield from run_server(home, home / "studies", WEIGHTS)


@pytest.fixture(scope="module")
def blind_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The sample series, and weights that find nothing anywhere."""
    home = tmp_path_factory.mktemp("blind")
    copy_sample(home / "studies" / "a")
    pipeline = tiny_pipeline()
    with torch.no_grad():
        pipeline.vae.decoder.conv_out.weight.zero_()
        pipeline.vae.decoder.conv_out.bias.fill_(-1.0)
    save_weights(pipeline, tiny_card(), home / "weights")
    yield from run_server(home, home / "studies", home / "weights")


def test_a_refused_series_is_told_with_the_reason(browser: Browser, server: Server) -> None:
    with open_viewer(browser, server.url) as viewer:
        viewer.open_study(study_of(server.studies / "a"))
        viewer.run_button.click()
        expect(viewer.told).to_contain_text("slice(s) are missing between instance", timeout=WAIT)
        expect(viewer.review).to_contain_text("Nothing is segmented yet.")
        assert [trouble for trouble in viewer.troubles if trouble.startswith("422 POST")]
        viewer.troubles.clear()  # the refusal itself, and what MONAI Label's panel says of it on the console


def test_an_empty_result_is_told(browser: Browser, blind_server: Server) -> None:
    with open_viewer(browser, blind_server.url) as viewer:
        viewer.open_study(study_of(blind_server.studies / "a"))
        viewer.run_button.click()
        expect(viewer.told).to_contain_text("The model found nothing in this series.", timeout=WAIT)
