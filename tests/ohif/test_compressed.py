"""JPEG 2000 images: decoded in a worker of the page, under the Content-Security-Policy."""

import base64
from collections.abc import Iterator

import numpy as np
import pytest
from app.running_server import SAMPLE, Server, copy_sample, run_server
from helpers.dicom_compress import compressed
from ohif.viewer import open_viewer
from playwright.sync_api import Browser
from pydicom import dcmread

from sdseg.dicom.series import load_series

pytestmark = pytest.mark.slow

# While a volume loads, copies of neighbours stand in for slices that are still to come.
_PIXELS = """() => {
  const { cache, metaData } = window.cornerstone;
  if (cache.getVolumes().some(volume => volume.loadStatus?.loaded === false)) return null;
  const { segmentationService } = window.services;
  const ids = segmentationService.getSegmentation('1').representationData.Labelmap.imageIds
    .map(id => cache.getImage(id).referencedImageId);
  if (!ids.every(id => cache.getImage(id))) return null;
  const text = bytes => Array.from(bytes, value => String.fromCharCode(value)).join('');
  return Object.fromEntries(ids.map(id => [metaData.get('sopCommonModule', id).sopInstanceUID,
    btoa(text(new Uint8Array(Float64Array.from(cache.getImage(id).voxelManager.getScalarData()).buffer)))]));
}"""


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("compressed")
    for path in sorted(copy_sample(home / "studies" / "a").glob("*.dcm")):
        compressed(dcmread(path), "JPEG 2000 lossless", home).save_as(path, enforce_file_format=True)
    yield from run_server(home, home / "studies", SAMPLE.parent / "weights" / "brain-small")


def test_pixels_of_jpeg_2000(browser: Browser, server: Server) -> None:
    series = load_series(server.studies / "a")
    with open_viewer(browser, server.url) as viewer:
        viewer.open_study(str(series.datasets[0].StudyInstanceUID))
        shown = viewer.page.wait_for_function(_PIXELS).json_value()
        viewer.keep("ohif-jpeg-2000")
    assert len(shown) == len(series.datasets)
    for dataset in map(dcmread, (server.studies / "a").glob("*.dcm")):
        assert dataset.file_meta.TransferSyntaxUID.name.startswith("JPEG 2000")
        stored = dataset.pixel_array * float(dataset.get("RescaleSlope", 1)) + float(dataset.get("RescaleIntercept", 0))
        seen = np.frombuffer(base64.b64decode(shown[dataset.SOPInstanceUID]), np.float64).reshape(stored.shape)
        assert stored.any() and np.array_equal(seen, stored)
