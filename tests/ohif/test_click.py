"""Study list, viewer, panel, Run, overlay, archive: as a person clicks it, in Chromium, over a folder and Orthanc."""

import numpy as np
import pytest
from app.running_server import Server
from numpy.typing import NDArray
from ohif.viewer import dice, open_viewer
from playwright.sync_api import Browser, expect

from sdseg.dicom.codes import structure
from sdseg.dicom.series import Series

pytestmark = pytest.mark.slow
PATIENT = "SAMPLE"


@pytest.fixture(params=["folder_server", "orthanc_server"])
def server(request: pytest.FixtureRequest) -> Server:
    """Each kind of archive."""
    running: Server = request.getfixturevalue(request.param)
    return running


def test_from_the_list_to_the_archive_and_back(
    browser: Browser, server: Server, series: Series, expected: NDArray[np.uint8], request: pytest.FixtureRequest
) -> None:
    kind = request.node.callspec.id.removesuffix("_server")
    with open_viewer(browser, server.url) as viewer:
        viewer.study_list()
        viewer.open_from_list(PATIENT)
        viewer.keep(f"ohif-{kind}-opened")

        viewer.run()
        drawn = viewer.overlay(series)
        assert dice(drawn.mask, expected) >= 0.999
        assert drawn.names == {1: "brain"}
        assert viewer.scroll(3) != viewer.scroll(3)
        assert np.array_equal(viewer.overlay(series).mask, drawn.mask)
        viewer.keep(f"ohif-{kind}-run")

        assert viewer.stored.count() == 0
        viewer.accept()
        expect(viewer.stored).to_have_count(1)  # without a reload

        viewer.page.reload()
        viewer.wait_until_connected()
        assert not viewer.overlay(series).mask.any()
        stored = viewer.overlay(series, viewer.open_stored())
        assert np.array_equal(stored.mask, drawn.mask)
        assert stored.names == {1: "brain"} and "brain" in stored.label
        # By way of CIELab, which rounds.
        assert np.abs(np.subtract(stored.colour, structure("brain").rgb)).max() <= 3
        viewer.keep(f"ohif-{kind}-seg")

        # What comes next is the new result again, not the segmentation that was opened.
        viewer.run()
        viewer.accept()
        expect(viewer.stored).to_have_count(1)  # the same mask is the same label
