"""OHIF as a person meets it: what can be pressed, and what the page then holds."""

import base64
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from helpers.browser import keep, open_page
from numpy.typing import NDArray
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Response, expect

from sdseg.dicom.series import Series

WAIT = 60_000  # ms: a browser without a GPU on a busy machine
# MONAI Label's panel asks whether a training runs and takes the 404 for a no.
_EXPECTED = re.compile(r"/train/\?check_if_running=true$")

_STATE = """id => {
  const { segmentationService, viewportGridService } = window.services;
  const { cache, metaData } = window.cornerstone;
  const segmentation = segmentationService.getSegmentation(id);
  const viewportId = viewportGridService.getActiveViewportId();
  const images = segmentation.representationData.Labelmap.imageIds.map(one => cache.getImage(one));
  const text = bytes => Array.from(bytes, value => String.fromCharCode(value)).join('');
  return {
    label: segmentation.label,
    names: Object.fromEntries(Object.entries(segmentation.segments).map(([key, one]) => [key, one.label])),
    colour: segmentationService.getSegmentColor(viewportId, id, 1),
    sops: images.map(one => metaData.get('sopCommonModule', one.referencedImageId).sopInstanceUID),
    slices: images.map(one => btoa(text(one.voxelManager.getScalarData()))),
  };
}"""
_IS_NEW = """known =>
  window.services.segmentationService.getSegmentations().some(one => !known.includes(one.segmentationId))"""
_DRAWN = """id => {
  const { segmentationService, viewportGridService } = window.services;
  const viewports = Array.from(viewportGridService.getState().viewports.keys());
  return viewports.every(one =>
    segmentationService.getSegmentationRepresentations(one).some(r => r.segmentationId === id && r.visible));
}"""


@dataclass
class Overlay:
    """A segmentation in the page.

    Attributes:
        mask: (slices, rows, columns) uint8 in the order of the series, slice by slice by SOPInstanceUID.
        names: value -> name.
        colour: of value 1 in the active viewport, RGB; empty where it is not drawn there.
    """

    label: str
    mask: NDArray[np.uint8]
    names: dict[int, str]
    colour: tuple[int, ...]


@dataclass
class Viewer:
    """One page of one browser. `troubles`: what went wrong in it that nobody expected."""

    page: Page
    url: str
    troubles: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(WAIT)
        self.page.on("pageerror", lambda error: self.troubles.append(f"exception: {error}"))
        self.page.on("console", self._on_console)
        self.page.on("response", self._on_response)

    def _on_console(self, message: ConsoleMessage) -> None:
        # What could not be loaded is told by its response.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            self.troubles.append(f"console: {message.text[:500]}")

    def _on_response(self, response: Response) -> None:
        if response.status >= 400 and not _EXPECTED.search(response.url):
            self.troubles.append(f"{response.status} {response.request.method} {response.url}")

    # --- where to go
    def study_list(self) -> None:
        self.page.goto(f"{self.url}/ohif")

    def open_from_list(self, patient: str) -> None:
        """Click the study, then its button of the MONAI Label mode."""
        self.page.get_by_text(patient).first.click()
        self.page.get_by_role("button", name="MONAI Label").click()
        self.wait_until_connected()

    def open_study(self, study: str) -> None:
        self.page.goto(f"{self.url}/ohif/monai-label?StudyInstanceUIDs={study}")
        self.wait_until_connected()

    def wait_until_connected(self) -> None:
        """The panel lists the models: nobody has typed an address."""
        expect(self.run_button).to_be_visible(timeout=WAIT)
        self.page.wait_for_function("window.services.segmentationService.getSegmentation('1')", timeout=WAIT)
        self.page.wait_for_function("window.services.segmentationService.getLabelmapVolume('1')", timeout=WAIT)

    # --- the panels
    @property
    def run_button(self) -> Locator:
        return self.page.locator(".monaiLabelPanel").get_by_role("button", name="Run").first

    @property
    def review(self) -> Locator:
        return self.page.locator("sdseg-review")

    @property
    def told(self) -> Locator:
        return self.review.locator('[data-part="told"]')

    def run(self) -> None:
        with self.page.expect_response(lambda response: "/infer/" in response.url, timeout=WAIT) as answer:
            self.run_button.click()
        assert answer.value.status == 200
        expect(self.review).to_contain_text("voxels", timeout=WAIT)
        self.page.wait_for_function(_DRAWN, arg="1", timeout=WAIT)

    def accept(self) -> None:
        self.review.get_by_role("button", name="Accept and send to PACS").click()
        expect(self.told).to_contain_text("Sent:", timeout=WAIT)

    def tab(self, name: str) -> None:
        """A tab of the right panel: `monailabel` or `panelSegmentationWithTools`."""
        self.page.locator(f'[data-cy="{name}-btn"]').click()

    # --- stored segmentations
    @property
    def stored(self) -> Locator:
        """Entries of the list that are no images."""
        return self.page.locator('[data-cy="study-browser-thumbnail-no-image"]')

    def open_stored(self, number: int = 0) -> str:
        """Double-click an entry; the id of the segmentation once it is drawn in all viewports."""
        before = set(self.segmentations())
        self.stored.nth(number).dblclick()
        self.page.wait_for_function(_IS_NEW, arg=list(before), timeout=WAIT)
        (new,) = set(self.segmentations()) - before
        self.page.wait_for_function(_DRAWN, arg=new, timeout=WAIT)
        return new

    def segmentations(self) -> list[str]:
        ids: list[str] = self.page.evaluate(
            "window.services.segmentationService.getSegmentations().map(s => s.segmentationId)"
        )
        return ids

    def overlay(self, series: Series, segmentation: str = "1") -> Overlay:
        state: dict[str, Any] = self.page.evaluate(_STATE, segmentation)
        slices, rows, columns = series.geometry.shape
        order = {frame.sop_instance_uid: place for place, frame in enumerate(series.frames)}
        mask = np.zeros((slices, rows, columns), np.uint8)
        for sop, voxels in zip(state["sops"], state["slices"], strict=True):
            mask[order[sop]] = np.frombuffer(base64.b64decode(voxels), np.uint8).reshape(rows, columns)
        names = {int(value): name for value, name in state["names"].items()}
        return Overlay(state["label"], mask, names, tuple(state["colour"] or ())[:3])

    def scroll(self, steps: int) -> str:
        """Turn the wheel over the large viewport; what it says about the slice it shows then."""
        corner = self.page.locator('[data-cy="viewport-overlay-bottom-right"]').first
        before = corner.inner_text()
        box = self.page.locator('[data-cy="viewport-pane"]').first.bounding_box()
        assert box is not None
        self.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        for _ in range(steps):
            self.page.mouse.wheel(0, 100)
        expect(corner).not_to_have_text(before, timeout=WAIT)
        return corner.inner_text()

    def paint(self) -> None:
        """A stroke over the middle of the large viewport with the tool in hand."""
        box = self.page.locator('[data-cy="viewport-pane"]').first.bounding_box()
        assert box is not None
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        self.page.mouse.move(x - 20, y)
        self.page.mouse.down()
        self.page.mouse.move(x + 20, y, steps=5)
        self.page.mouse.up()

    def keep(self, name: str) -> None:
        keep(self.page, name)


@contextmanager
def open_viewer(browser: Browser, url: str) -> Iterator[Viewer]:
    """A viewer in a fresh profile, 1280 x 800. Fails for any exception, console error or unexpected status."""
    with open_page(browser, width=1280, height=800) as page:
        viewer = Viewer(page, url)
        yield viewer
        assert not viewer.troubles, viewer.troubles


def dice(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Of everything that is not background."""
    return float(2 * np.count_nonzero((a > 0) & (b > 0)) / (np.count_nonzero(a) + np.count_nonzero(b)))
