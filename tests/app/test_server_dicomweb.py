"""The server on a DICOMweb archive: the same clicks, the same answers."""

from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from app.running_server import Image, run_server
from helpers.orthanc import orthanc

from sdseg.dicom.seg_reader import read_seg
from sdseg.pacs.archive import AS_STORED, Archive, open_archive
from sdseg.pacs.search import find_image_series, list_segmentations

LABELS = [{"name": "brain", "idx": 1}]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with orthanc(tmp_path_factory.mktemp("orthanc")) as running:
        yield running.web


@pytest.fixture(scope="module")
def archive(address: str, image_folder: Path) -> Archive:
    client = open_archive(address)
    client.store_instances([pydicom.dcmread(path) for path in sorted(image_folder.iterdir())])
    return client


def test_click_correct_and_save_against_a_real_archive(
    archive: Archive, address: str, image: Image, box: Path, weights: Path, tmp_path: Path
) -> None:
    source = find_image_series(archive, image.uid)
    for server in run_server(tmp_path, address, weights):
        assert server.get("/info/").json()["datastore"] == {"total": 1, "completed": 0, "label_tags": {}}
        assert server.post("/activelearning/random").json()["id"] == image.uid
        filed = server.infer(image.uid, params={"save_seg": True}, output="json").json()["seg"]
        assert "path" not in filed
        (automatic,) = list_segmentations(archive, source)
        assert automatic.series_uid == filed["series"]
        seg = archive.retrieve_instance(filed["study"], filed["series"], filed["instance"], media_types=AS_STORED)
        assert read_seg(seg, image.series)[0].any()

        assert server.save_label(image.uid, box, label_info=LABELS).ok
        assert len(list_segmentations(archive, source)) == 2
        assert server.get("/info/").json()["datastore"]["completed"] == 1
