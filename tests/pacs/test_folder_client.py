import os
import sqlite3
import threading
from pathlib import Path

import pydicom
import pytest
from pydicom import Dataset
from pydicom.dataelem import DataElement
from pydicom.uid import ImplicitVRLittleEndian

from sdseg.errors import DeliveryError
from sdseg.pacs import folder_client
from sdseg.pacs.archive import open_archive
from sdseg.pacs.deliver import store_segmentation
from sdseg.pacs.fetch import fetch_series
from sdseg.pacs.folder_client import FolderClient
from sdseg.pacs.search import list_image_series, list_instance_uids, list_segmentations

SAMPLE = Path(__file__).parents[2] / "sample-data" / "dicom"
SLICES = 6  # in the studies folder


@pytest.fixture(autouse=True)
def look_every_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_client, "REFRESH_SECONDS", -1.0)


def test_any_thread_may_ask(studies: Path) -> None:
    client = FolderClient(studies)
    answers: list[int] = []
    threads = [threading.Thread(target=lambda: answers.append(len(client.search_for_instances()))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [SLICES] * 8


def test_a_series_that_grew_is_served_whole(studies: Path, tmp_path: Path) -> None:
    client = FolderClient(studies)
    (series,) = list_image_series(client)
    first = fetch_series(client, series, tmp_path / "cache")
    new = sorted(SAMPLE.glob("*.dcm"))[SLICES]
    (studies / "late").mkdir()
    (studies / "late" / "x").write_bytes(new.read_bytes())
    second = fetch_series(client, series, tmp_path / "cache")
    assert len(list(first.iterdir())) == SLICES, "what somebody reads does not change under them"
    assert len(list(second.iterdir())) == SLICES + 1


def test_files_that_went_are_forgotten_and_moved_ones_followed(studies: Path, tmp_path: Path) -> None:
    client = FolderClient(studies)
    (series,) = list_image_series(client)
    fetch_series(client, series, tmp_path / "cache")
    next(studies.rglob("*.dcm")).unlink()
    (studies / "patient" / "t1").rename(studies / "patient" / "renamed")
    folder = fetch_series(client, series, tmp_path / "cache")
    assert len([pydicom.dcmread(path) for path in folder.iterdir()]) == SLICES - 1


def test_other_files_and_damaged_ones_are_left_out(studies: Path) -> None:
    (studies / "README.md").write_text("hello")
    (studies / "empty.dcm").touch()
    (studies / "noise.dcm").write_bytes(os.urandom(128) + b"DICM" + os.urandom(5000))
    (studies / ".hidden").mkdir()
    (studies / ".hidden" / "IM.dcm").write_bytes(sorted(SAMPLE.glob("*.dcm"))[9].read_bytes())
    assert len(FolderClient(studies).search_for_instances()) == SLICES


@pytest.mark.parametrize(
    ("keyword", "vr", "value"),
    [
        ("SeriesNumber", "LO", "1.5"),
        ("InstanceNumber", "LO", "abc"),
        ("StudyID", "LO", "x" * 40),
        ("PatientName", "LO", "A=B=C=D=E"),
        ("StudyTime", "LO", "noon"),
    ],
)
@pytest.mark.filterwarnings("ignore:Invalid value", "ignore:The value length", "ignore:A value", "ignore:The number")
def test_one_malformed_value_neither_hides_a_file_nor_stops_the_search(
    studies: Path, keyword: str, vr: str, value: str
) -> None:
    path = next(studies.rglob("*.dcm"))
    dataset = pydicom.dcmread(path)
    dataset[keyword] = DataElement(dataset[keyword].tag, vr, value)
    dataset.save_as(path)
    client = FolderClient(studies)
    (series,) = list_image_series(client)
    assert len(list_instance_uids(client, series)) == SLICES


def test_implicit_vr_and_odd_folder_names_are_no_obstacle(studies: Path, tmp_path: Path) -> None:
    for path in studies.rglob("*.dcm"):
        dataset = pydicom.dcmread(path)
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        dataset.save_as(path, implicit_vr=True, little_endian=True)
    odd = studies.rename(tmp_path / "a b#c?d%20e")
    client = open_archive(str(odd))
    (series,) = list_image_series(client)
    assert len(client.retrieve_series(series.study_uid, series.series_uid)) == SLICES


def test_a_segmentation_lies_beside_the_source_and_is_found_after_a_restart(studies: Path, seg: Dataset) -> None:
    stored = store_segmentation(FolderClient(studies), seg)
    assert stored.path is not None
    assert stored.path.parent.parent == studies / "patient", "beside the source's folder, not in it"
    assert stored.path.suffix == ".dcm"
    again = FolderClient(studies)
    (series,) = list_image_series(again)
    assert list_segmentations(again, series) == [stored.key]
    assert pydicom.dcmread(stored.path).SOPInstanceUID == seg.SOPInstanceUID


def test_a_flat_studies_folder_keeps_its_segmentations_inside(studies: Path, seg: Dataset) -> None:
    flat = studies / "patient" / "t1"
    stored = store_segmentation(FolderClient(flat), seg)
    assert stored.path is not None
    assert stored.path.parent.parent == flat


def test_changed_content_under_a_used_uid_is_refused_by_the_folder(studies: Path, seg: Dataset) -> None:
    client = FolderClient(studies)
    stored = store_segmentation(client, seg)
    assert stored.path is not None
    content = stored.path.read_bytes()
    seg.SeriesNumber = 901
    (failed,) = client.store_instances([seg]).FailedSOPSequence
    assert failed.FailureReason == 0x0111
    assert stored.path.read_bytes() == content


def test_a_folder_that_cannot_be_written_is_one_sentence(
    studies: Path, monkeypatch: pytest.MonkeyPatch, seg: Dataset
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    client = FolderClient(studies)
    monkeypatch.setattr("sdseg.durable.os.replace", full)
    with pytest.raises(DeliveryError, match="No space left on device"):
        store_segmentation(client, seg)
    assert len([path for path in studies.rglob("*") if path.is_file()]) == SLICES


def test_the_insides_of_dicomweb_client_are_as_expected(studies: Path) -> None:
    client = FolderClient(studies)
    assert isinstance(client._db_manager._connection, sqlite3.Connection)
    columns = {row["name"] for row in client._db_manager._connection.execute("PRAGMA table_info(instances)")}
    assert {"_file_path", "_transfer_syntax_uid", "_first_frame_offset", "_basic_offset_table"} <= columns
