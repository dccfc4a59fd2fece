"""A study of two series on one frame of reference: a result is never drawn on the series it is not of."""

from collections.abc import Iterator

import pytest
from app.running_server import SAMPLE, Server, copy_sample, run_server
from ohif.viewer import WAIT, open_viewer
from playwright.sync_api import Browser, expect
from pydicom import dcmread
from pydicom.uid import generate_uid

from sdseg.dicom.series import load_series

pytestmark = pytest.mark.slow

_ACTIVE = """series => {
  const { viewportGridService, displaySetService } = window.services;
  const { viewports, activeViewportId } = viewportGridService.getState();
  const [uid] = viewports.get(activeViewportId).displaySetInstanceUIDs;
  return displaySetService.getDisplaySetByUID(uid).SeriesInstanceUID === series;
}"""
_OVERLAY_OF = """series => {
  const segmentation = window.services.segmentationService.getSegmentation('1');
  if (!segmentation) return false;
  const { cache, metaData } = window.cornerstone;
  const image = cache.getImage(segmentation.representationData.Labelmap.imageIds[0]);
  return metaData.get('generalSeriesModule', image.referencedImageId).seriesInstanceUID === series;
}"""


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("two")
    _, second = (copy_sample(home / "studies" / name) for name in "ab")
    uid = generate_uid()
    for path in second.glob("*.dcm"):
        dataset = dcmread(path)
        dataset.SeriesInstanceUID, dataset.SeriesNumber, dataset.SeriesDescription = uid, 2, "The second"
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        dataset.save_as(path)
    yield from run_server(home, home / "studies", SAMPLE.parent / "weights" / "brain-small")


def test_the_guard_and_the_new_start(browser: Browser, server: Server) -> None:
    both = {series.series_instance_uid: series for series in (load_series(server.studies / name) for name in "ab")}
    with open_viewer(browser, server.url) as viewer:
        page, restart = viewer.page, viewer.review.get_by_role("button", name="Start on this series")
        viewer.open_study(str(next(iter(both.values())).datasets[0].StudyInstanceUID))
        (shown,) = (uid for uid in both if page.evaluate(_ACTIVE, uid))
        (other,) = both.keys() - {shown}
        viewer.run()
        drawn = viewer.overlay(both[shown]).mask
        assert drawn.any()
        expect(restart).to_be_hidden()

        name = str(both[other].datasets[0].SeriesDescription)
        page.locator('[data-cy="study-browser-thumbnail"]').filter(has_text=name).dblclick()
        page.wait_for_function(_ACTIVE, arg=other)
        expect(restart).to_be_visible(timeout=WAIT)
        asked = []
        page.on("request", lambda request: asked.append(request.url) if "/infer/" in request.url else None)
        viewer.run_button.click()
        expect(viewer.told).to_contain_text("The overlay belongs to another series. Send or reject it", timeout=WAIT)
        assert not asked and (viewer.overlay(both[shown]).mask == drawn).all()
        viewer.keep("ohif-other-series")

        restart.click()
        page.wait_for_function(_OVERLAY_OF, arg=other)
        expect(restart).to_be_hidden(timeout=WAIT)
        viewer.wait_until_connected()
        assert not viewer.overlay(both[other]).mask.any()
        with page.expect_response(lambda response: "/infer/" in response.url) as answer:
            viewer.run_button.click()
        assert answer.value.status == 200 and other in answer.value.url
        expect(viewer.review).to_contain_text("voxels", timeout=WAIT)
        assert (viewer.overlay(both[other]).mask == drawn).all()  # the same pixels
        viewer.accept()
    assert list(server.get("/datastore/", output="all").json()["objects"][other]["labels"]) == ["final"]
    assert not server.get("/datastore/", output="all").json()["objects"][shown]["labels"]
