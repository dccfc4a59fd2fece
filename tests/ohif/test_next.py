"""Next study to label in OHIF: the one of the server is opened, what is drawn is not lost, and the end is told."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pydicom
import pytest
from app.running_server import Image, Server, copy_sample, run_server
from helpers.models import save_tiny_weights
from ohif.viewer import WAIT, Viewer, open_viewer
from playwright.sync_api import Browser, expect
from pydicom.uid import generate_uid

from sdseg.dicom.series import Series, load_series


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The sample study, and a copy of it as another one."""
    home = tmp_path_factory.mktemp("next")
    copy_sample(home / "studies" / "a")
    as_another_study(copy_sample(home / "studies" / "b"))
    yield from run_server(home, home / "studies", save_tiny_weights(home / "weights"), {"scoring": "off"})


def as_another_study(folder: Path) -> None:
    study, series, frame = generate_uid(), generate_uid(), generate_uid()
    for path in folder.glob("*.dcm"):
        dataset = pydicom.dcmread(path)
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.FrameOfReferenceUID = study, series, frame
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        dataset.save_as(path)


@pytest.fixture(scope="module")
def in_order(server: Server) -> list[Series]:
    """The two, as the strategy `first` gives them."""
    both = [load_series(server.studies / name) for name in ("a", "b")]
    return sorted(both, key=lambda series: str(series.study_instance_uid))


def study_shown(viewer: Viewer) -> str:
    return parse_qs(urlsplit(viewer.page.url).query)["StudyInstanceUIDs"][0]


def test_the_next_study_is_opened(browser: Browser, server: Server, in_order: list[Series], tmp_path: Path) -> None:
    first, second = in_order
    with open_viewer(browser, server.url) as viewer:
        panel = viewer.page.locator("sdseg-next")
        viewer.open_study(str(second.study_instance_uid))
        viewer.run()
        panel.get_by_label("Which study").select_option("In order")
        panel.get_by_role("button", name="Open").press("Enter")
        expect(panel.get_by_role("status")).to_contain_text("What is drawn here was not sent.")
        assert study_shown(viewer) == second.study_instance_uid
        viewer.keep("ohif-next")

        panel.get_by_role("button", name="Open").press("Enter")
        viewer.page.wait_for_url(f"**StudyInstanceUIDs={first.study_instance_uid}", timeout=WAIT)
        viewer.wait_until_connected()
        (held,) = server.get("/status/").json()["reservations"]
        assert held["image"] == first.series_instance_uid

        for series in in_order:
            image = Image(series.series_instance_uid, series)
            assert server.save_label(image.uid, image.save(tmp_path / f"{image.uid}.nrrd")).ok
        panel.get_by_role("button", name="Open").click()
        expect(panel.get_by_role("status")).to_have_text("Nothing is left to label.")
