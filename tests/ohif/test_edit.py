"""What a person does with a result in OHIF: edits, tabs, reject, training."""

from collections.abc import Iterator

import numpy as np
import pydicom
import pytest
from app.running_server import SAMPLE, Server, copy_sample, run_server
from ohif.viewer import WAIT, Viewer, open_viewer
from playwright.sync_api import Browser, expect

from sdseg.dicom.series import Series, load_series

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Some slices of the sample."""
    home = tmp_path_factory.mktemp("edit")
    copy_sample(home / "studies" / "a")
    yield from run_server(home, home / "studies", SAMPLE.parent / "weights" / "brain-small")


@pytest.fixture
def series(server: Server) -> Series:
    return load_series(server.studies / "a")


@pytest.fixture
def viewer(browser: Browser, server: Server, series: Series) -> Iterator[Viewer]:
    with open_viewer(browser, server.url) as opened:
        opened.open_study(str(series.datasets[0].StudyInstanceUID))
        yield opened


def test_what_is_sent_is_what_was_edited(viewer: Viewer, server: Server, series: Series) -> None:
    viewer.run()
    before = viewer.overlay(series).mask
    viewer.tab("panelSegmentationWithTools")
    viewer.page.locator('[data-cy="Eraser"]').click()
    viewer.paint()
    after = viewer.overlay(series).mask
    assert 0 < np.count_nonzero(after) < np.count_nonzero(before)

    viewer.tab("monailabel")  # MONAI Label's panel starts anew and connects again
    viewer.wait_until_connected()
    assert np.array_equal(viewer.overlay(series).mask, after)
    viewer.accept()
    stored = viewer.overlay(series, viewer.open_stored())
    assert np.array_equal(stored.mask, after) and stored.names == {1: "brain"}
    (segmentation,) = map(pydicom.dcmread, server.segs())
    assert segmentation.SegmentSequence[0].SegmentAlgorithmType == "SEMIAUTOMATIC"


def test_reject_and_training(viewer: Viewer, server: Server, series: Series) -> None:
    image = series.series_instance_uid
    viewer.run()
    reject = viewer.review.get_by_role("button", name="Reject …")
    reject.focus()
    viewer.page.keyboard.press("Enter")
    viewer.page.keyboard.type("The skull is in it")  # the cursor is there already
    viewer.page.keyboard.press("Enter")
    expect(viewer.told).to_contain_text("Rejected", timeout=WAIT)
    expect(viewer.review).to_contain_text("The skull is in it")
    review = server.get(f"/review/{image}").json()
    assert (review["verdict"], review["reason"], review["training"]) == ("reject", "The skull is in it", True)

    viewer.review.get_by_label("Use for training").uncheck()
    expect(viewer.told).to_contain_text("Not used for training", timeout=WAIT)
    assert server.get(f"/review/{image}").json()["training"] is False
    viewer.page.reload()
    viewer.wait_until_connected()
    expect(viewer.review.get_by_label("Use for training")).not_to_be_checked()
    viewer.keep("ohif-rejected")
