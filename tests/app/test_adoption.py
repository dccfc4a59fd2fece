"""SEGs that reached the archive another way, as labels: in a folder and in a real PACS."""

import itertools
import logging
import shutil
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import nrrd
import numpy as np
import pydicom
import pytest
import requests
from app.running_server import Image
from helpers.dicom_series import SeriesMaker
from helpers.models import tiny_card
from helpers.orthanc import Orthanc, orthanc
from pydicom import Dataset

from sdseg.dicom.seg_writer import build_seg
from sdseg.dicom.series import load_series
from sdseg.inference.provenance import provenance_from
from sdseg.pacs import folder_client
from sdseg.pacs.deliver import store_segmentation
from sdseg.pacs.server_client import connect
from sdseg_app.stores.datastore import ArchiveDatastore
from sdseg_app.stores.studies import open_datastore

TOLD = {"label_names": {"brain": 1}, "model_name": "m", "preset": "tiny", "weights_sha256": "a" * 64, "seed": 0}
NOW = datetime.now().replace(microsecond=0)
homes = itertools.count()


@pytest.fixture(scope="module")
def pacs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    with orthanc(tmp_path_factory.mktemp("pacs")) as running:
        yield running


@pytest.fixture(params=["folder", "server"])
def studies(request: pytest.FixtureRequest, image_folder: Path, tmp_path: Path) -> Iterator[str]:
    if request.param == "folder":
        shutil.copytree(image_folder, tmp_path / "studies" / "t1")
        yield str(tmp_path / "studies")
        return
    pacs: Orthanc = request.getfixturevalue("pacs")
    connect(pacs.web).store_instances([pydicom.dcmread(path) for path in sorted(image_folder.iterdir())])
    yield pacs.web
    for patient in pacs.get("/patients"):
        requests.delete(f"{pacs.rest}/patients/{patient}", timeout=30)


@pytest.fixture(autouse=True)
def look_every_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_client, "REFRESH_SECONDS", -1.0)


@pytest.fixture
def store(studies: str, tmp_path: Path) -> ArchiveDatastore:
    return opened(studies, tmp_path)


def opened(studies: str, tmp_path: Path) -> ArchiveDatastore:
    store = open_datastore(studies, tmp_path / f"model-{next(homes)}", tiny_card)
    assert isinstance(store, ArchiveDatastore)
    return store


def drawn(image: Image, shift: int = 0, made: datetime = NOW, label: str = "brain") -> Dataset:
    """A SEG by a person, on the grid of the image."""
    mask = np.zeros(image.series.shape, np.uint8)
    mask[2:5, 30 + shift : 60, 40:90] = 1
    return build_seg(image.series, mask, {label: 1}, None, created=made)


def kept(store: ArchiveDatastore, image: Image) -> np.ndarray:
    """The final label, (slices, rows, columns)."""
    return nrrd.read(store.get_label_uri(image.uid, "final"))[0].transpose(2, 1, 0)


def test_a_seg_of_an_annotator_is_the_final_label(store: ArchiveDatastore, image: Image) -> None:
    assert store.get_unlabeled_images() == [image.uid]
    store_segmentation(store.archive, drawn(image))
    assert store.get_labeled_images() == [image.uid] and store.get_unlabeled_images() == []
    assert store.status() == {"total": 1, "completed": 1, "label_tags": {"final": 1}}
    assert store.get_labels_by_image_id(image.uid) == {"final": image.uid}
    assert (kept(store, image)[2:5, 30:60, 40:90] == 1).all() and kept(store, image).sum() == 3 * 30 * 50
    (pair,) = store.datalist()
    assert (nrrd.read(pair["label"])[0] == 1).sum() == 3 * 30 * 50


def test_the_newest_counts_whatever_the_order_of_arrival(store: ArchiveDatastore, image: Image) -> None:
    for shift, minutes in ((2, 2), (3, 3), (1, 1)):
        store_segmentation(store.archive, drawn(image, shift, NOW + timedelta(minutes=minutes)))
        store.status()
    assert kept(store, image)[2, 33, 40] == 1 and kept(store, image)[2, 32, 40] == 0
    assert store.status()["completed"] == 1


def test_a_label_saved_here_gives_way_to_a_newer_one_only(store: ArchiveDatastore, image: Image, box: Path) -> None:
    store.save_label(image.uid, str(box), "final", {"label_info": [{"name": "brain", "idx": 1}]})
    saved = kept(store, image)
    store_segmentation(store.archive, drawn(image, made=NOW - timedelta(days=1)))
    store.status()
    assert (kept(store, image) == saved).all()
    store_segmentation(store.archive, drawn(image, 1, made=NOW + timedelta(days=1)))
    store.status()
    assert not (kept(store, image) == saved).all()


def test_what_this_server_filed_is_not_taken_again(store: ArchiveDatastore, image: Image, box: Path) -> None:
    store.save_label(image.uid, str(box), "final", {"label_info": [{"name": "brain", "idx": 1}]})
    file = store.get_label_uri(image.uid, "final")
    store.status()
    assert store.get_label_uri(image.uid, "final") == file
    store.remove_label(image.uid, "final")
    assert store.get_unlabeled_images() == [image.uid], "a label withdrawn here does not come back from the archive"


def test_another_server_and_a_lost_home_find_the_labels_again(
    store: ArchiveDatastore, studies: str, image: Image, box: Path, tmp_path: Path
) -> None:
    store.save_label(image.uid, str(box), "final", {"label_info": [{"name": "brain", "idx": 1}]})
    again = opened(studies, tmp_path)
    assert again.status()["completed"] == 1
    assert (kept(again, image) == kept(store, image)).all()


def test_what_a_program_alone_made_is_no_label(store: ArchiveDatastore, image: Image) -> None:
    mask = np.zeros(image.series.shape, np.uint8)
    mask[3, 30:60, 40:90] = 1
    store_segmentation(store.archive, build_seg(image.series, mask, {"brain": 1}, provenance_from(TOLD)))
    assert store.status()["completed"] == 0
    edited = build_seg(image.series, mask, {"brain": 1}, provenance_from(TOLD), edited=True)
    store_segmentation(store.archive, edited)
    assert store.status()["completed"] == 1


def test_one_that_does_not_fit_is_told_once_and_left(
    store: ArchiveDatastore, image: Image, caplog: pytest.LogCaptureFixture
) -> None:
    stray = drawn(image)
    for frame in stray.PerFrameFunctionalGroupsSequence:
        x, y, z = frame.PlanePositionSequence[0].ImagePositionPatient
        frame.PlanePositionSequence[0].ImagePositionPatient = [x + 0.4, y, z]
    store_segmentation(store.archive, stray)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert store.status()["completed"] == 0
    (told,) = [record.getMessage() for record in caplog.records if "not taken as a label" in record.getMessage()]
    assert str(stray.SOPInstanceUID) in told
    assert str(image.series.datasets[0].PatientName) not in told


def test_a_seg_that_came_before_its_image_waits_for_it(store: ArchiveDatastore, tmp_path: Path) -> None:
    late = SeriesMaker(slices=8, rows=32, columns=32, modality="MR", name="late")
    series = load_series(late.save(tmp_path / "late"))
    mask = np.zeros(series.shape, np.uint8)
    mask[4, 10:20, 10:20] = 1
    store_segmentation(store.archive, build_seg(series, mask, {"brain": 1}, None))
    assert store.status() == {"total": 1, "completed": 0, "label_tags": {}}
    store.archive.store_instances([pydicom.dcmread(path) for path in sorted((tmp_path / "late").iterdir())])
    assert store.status() == {"total": 2, "completed": 1, "label_tags": {"final": 1}}


def test_several_who_ask_at_once_take_it_once(store: ArchiveDatastore, image: Image) -> None:
    store_segmentation(store.archive, drawn(image))
    threads = [threading.Thread(target=store.status) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    file = Path(store.get_label_uri(image.uid, "final"))
    assert [path.name for path in file.parent.iterdir()] == [file.name]
