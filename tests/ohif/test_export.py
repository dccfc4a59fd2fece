"""OHIF's own "Export DICOM SEG": what is drawn reaches the archive by STOW-RS and counts as label."""

from collections.abc import Iterator

import numpy as np
import pydicom
import pytest
from app.running_server import SAMPLE, Server, copy_sample, run_server
from ohif.viewer import WAIT, open_viewer
from playwright.sync_api import Browser, Page, Response, expect

from sdseg.dicom.seg_reader import read_seg
from sdseg.dicom.series import load_series

pytestmark = pytest.mark.slow


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("export")
    copy_sample(home / "studies" / "a")
    yield from run_server(home, home / "studies", SAMPLE.parent / "weights" / "brain-small")


def test_export_from_the_menu_is_a_label(browser: Browser, server: Server) -> None:
    series = load_series(server.studies / "a")
    image = series.series_instance_uid
    with open_viewer(browser, server.url) as viewer:
        viewer.open_study(str(series.datasets[0].StudyInstanceUID))
        viewer.run()
        drawn = viewer.overlay(series).mask
        viewer.tab("panelSegmentationWithTools")
        assert export(viewer.page, "Checked").status == 200
        expect(viewer.page.get_by_text("is in the archive as DICOM SEG")).to_be_visible(timeout=WAIT)
        expect(viewer.stored).to_have_count(1)
        viewer.keep("ohif-exported")
        assert np.array_equal(viewer.overlay(series).mask, drawn)  # it stays, and can be worked on

    (segmentation,) = map(pydicom.dcmread, server.segs())
    assert segmentation.SeriesDescription == "Checked"
    mask, labels = read_seg(segmentation, series)
    assert drawn.any() and np.array_equal(mask, drawn) and labels == {"brain": 1}
    known = server.get("/datastore/", output="all").json()
    assert list(known["objects"][image]["labels"]) == ["final"]
    assert server.get("/info/").json()["datastore"] == {"total": 1, "completed": 1, "label_tags": {"final": 1}}


def export(page: Page, name: str) -> Response:
    """The menu beside the name of the segmentation, its submenu, and the dialog; what the archive answered."""
    page.get_by_role("combobox").filter(has_text="Segmentations").locator("xpath=preceding-sibling::button").click()
    page.get_by_role("menuitem", name="Export & Download").click()
    page.get_by_role("menuitem", name="Export DICOM SEG").click()
    page.get_by_role("textbox").fill(name)
    stored = lambda one: one.request.method == "POST" and "/dicom-web/studies" in one.url  # noqa: E731
    with page.expect_response(stored, timeout=WAIT) as answer:
        page.get_by_role("button", name="Save").click()
    return answer.value
