"""The same questions to a folder and to a real DICOMweb server: both must answer alike."""

from pathlib import Path

import pydicom
import pytest
import requests
from helpers.dicom_series import SeriesMaker
from helpers.models import tiny_card
from helpers.orthanc import PASSWORD, USER
from pydicom import Dataset

from sdseg.errors import DeliveryError, InputError, UnknownNameError
from sdseg.pacs import search
from sdseg.pacs.archive import Archive, open_archive
from sdseg.pacs.deliver import store_segmentation
from sdseg.pacs.fetch import fetch_series
from sdseg.pacs.search import find_image_series, list_image_series, list_segmentations
from sdseg.serving.launch import free_port
from sdseg_app.stores.studies import open_datastore

SLICES = 6  # in the studies folder


@pytest.fixture(params=["folder", "server"])
def archive(request: pytest.FixtureRequest, studies: Path) -> Archive:
    if request.param == "folder":
        return open_archive(str(studies))
    client = open_archive(request.getfixturevalue("orthanc"))
    client.store_instances([pydicom.dcmread(path) for path in sorted(studies.rglob("*.dcm"))])
    return client


def test_lists_the_image_series_of_the_wanted_modality(archive: Archive, source: Dataset) -> None:
    (series,) = list_image_series(archive)
    assert (series.study_uid, series.series_uid) == (source.StudyInstanceUID, source.SeriesInstanceUID)
    assert list_image_series(archive, ["MR"]) == [series] == [find_image_series(archive, series.series_uid)]
    assert list_image_series(archive, ["CT"]) == []


@pytest.mark.parametrize("uid", ["1.2.3", "", "../..", "1.2.*", "*"])
def test_an_unknown_series_is_named(archive: Archive, uid: str) -> None:
    with pytest.raises(UnknownNameError, match="no image series"):
        find_image_series(archive, uid)


def test_all_series_are_found_when_the_archive_sends_few_at_a_time(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    (series,) = list_image_series(archive)
    monkeypatch.setattr(search, "_PAGE", 4)
    assert len(search.list_instance_uids(archive, series)) == SLICES


def test_fetches_exactly_the_series(archive: Archive, studies: Path, tmp_path: Path) -> None:
    (series,) = list_image_series(archive)
    folder = fetch_series(archive, series, tmp_path / "cache")
    fetched = {str(d.SOPInstanceUID): d for d in map(pydicom.dcmread, folder.glob("*.dcm"))}
    assert len(fetched) == SLICES == len(list(folder.iterdir()))
    for path in studies.rglob("*.dcm"):
        source = pydicom.dcmread(path)
        assert (fetched[source.SOPInstanceUID].pixel_array == source.pixel_array).all()
    assert fetch_series(archive, series, tmp_path / "cache") == folder


def test_a_stored_segmentation_is_confirmed_and_found_by_its_source(archive: Archive, seg: Dataset) -> None:
    (series,) = list_image_series(archive)
    before = list_segmentations(archive, series)
    stored = store_segmentation(archive, seg)
    assert stored.sop_uid == seg.SOPInstanceUID
    assert set(list_segmentations(archive, series)) - set(before) == {stored.key}
    assert list_image_series(archive) == [series]
    assert store_segmentation(archive, seg) == stored, "storing the same object again changes nothing"


def test_a_segmentation_made_again_is_the_one_that_is_there(archive: Archive, seg: Dataset) -> None:
    seg.ContentDate, seg.ContentTime = "20240101", "120000"
    stored = store_segmentation(archive, seg)
    seg.ContentDate, seg.ContentTime = "20240102", "130000"
    assert store_segmentation(archive, seg) == stored
    present = archive.retrieve_instance(stored.key.study_uid, stored.key.series_uid, stored.sop_uid)
    assert present.ContentDate == "20240101"


def test_other_content_under_a_used_uid_is_refused(archive: Archive, seg: Dataset) -> None:
    store_segmentation(archive, seg)
    seg.SeriesNumber = 901
    with pytest.raises(DeliveryError, match="another object under the UID"):
        store_segmentation(archive, seg)


def test_a_folder_that_keeps_nothing_is_noticed(studies: Path, monkeypatch: pytest.MonkeyPatch, seg: Dataset) -> None:
    archive = open_archive(str(studies))
    monkeypatch.setattr(archive, "store_instances", lambda datasets: pydicom.Dataset())
    with pytest.raises(DeliveryError, match="does not list it"):
        store_segmentation(archive, seg, looks=(0.0,))


def test_an_archive_that_gives_fewer_than_it_lists_is_noticed(
    orthanc: str, studies: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = open_archive(orthanc)
    client.store_instances([pydicom.dcmread(path) for path in sorted(studies.rglob("*.dcm"))])
    (series,) = list_image_series(client)
    whole = client.retrieve_series(series.study_uid, series.series_uid)
    monkeypatch.setattr(client, "iter_series", lambda *_, **__: iter(whole[:-1]))
    with pytest.raises(DeliveryError, match=f"lists {SLICES} instances.*gave {SLICES - 1}"):
        fetch_series(client, series, tmp_path)
    assert not any(path.is_dir() for path in (tmp_path / series.series_uid).iterdir()), "nothing half done is left"


def test_wrong_credentials_and_silent_addresses_are_one_sentence(orthanc: str) -> None:
    with pytest.raises(DeliveryError, match="answered 401 while opening it"):
        open_archive(orthanc.replace("reader", "stranger"))
    with pytest.raises(DeliveryError, match="cannot be reached") as caught:
        open_archive(f"http://user:secret@127.0.0.1:{free_port()}/dicom-web")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("prefix", ["MONAI_LABEL", "SDSEG"])
def test_reading_takes_the_credentials_of_the_environment(
    orthanc: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prefix: str
) -> None:
    address = f"http://{orthanc.rpartition('@')[2]}"
    for other in ("MONAI_LABEL", "SDSEG"):  # those of whoever runs the tests do not count
        monkeypatch.delenv(f"{other}_DICOMWEB_USERNAME", raising=False)
        monkeypatch.delenv(f"{other}_DICOMWEB_PASSWORD", raising=False)
    with pytest.raises(DeliveryError, match="answered 401"):
        open_datastore(address, tmp_path, tiny_card)
    monkeypatch.setenv(f"{prefix}_DICOMWEB_USERNAME", USER)
    monkeypatch.setenv(f"{prefix}_DICOMWEB_PASSWORD", PASSWORD)
    assert open_datastore(address, tmp_path, tiny_card).name() == address


def test_a_series_that_grew_or_went_is_never_stale(orthanc: str, tmp_path: Path) -> None:
    first, *others = SeriesMaker(slices=SLICES, rows=8, columns=8, name="growing").datasets()
    client = open_archive(orthanc)
    client.store_instances([first])
    series = find_image_series(client, first.SeriesInstanceUID)
    assert len(list(fetch_series(client, series, tmp_path).iterdir())) == 1
    client.store_instances(others)
    assert len(list(fetch_series(client, series, tmp_path).iterdir())) == SLICES
    (identifier,) = requests.post(
        f"{orthanc.removesuffix('/dicom-web')}/tools/find",
        json={"Level": "Series", "Query": {"SeriesInstanceUID": series.series_uid}},
        timeout=30,
    ).json()
    requests.delete(f"{orthanc.removesuffix('/dicom-web')}/series/{identifier}", timeout=30).raise_for_status()
    assert series not in list_image_series(client)
    with pytest.raises(UnknownNameError):
        find_image_series(client, series.series_uid)


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere"):
        open_archive(str(tmp_path / "nowhere"))
