import errno
from pathlib import Path
from typing import NoReturn

import pydicom
import pytest
from helpers.dicom_series import SeriesMaker

from sdseg.delivery.folder_target import FolderTarget
from sdseg.delivery.open import open_target
from sdseg.errors import DeliveryError, InputError, RefusedError, SdsegError
from sdseg.pacs import folder_client


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    (tmp_path / "archive").mkdir()
    return tmp_path / "archive"


def test_objects_land_under_their_uids_and_are_there_already(archive: Path, files: list[Path]) -> None:
    target = FolderTarget(archive)
    target.check()
    assert [target.deliver(file).already_there for file in (*files, files[0])] == [False, False, False, True]
    (series,) = archive.iterdir()
    assert sorted(path.name for path in series.iterdir()) == sorted(
        f"{pydicom.dcmread(file).SOPInstanceUID}.dcm" for file in files
    )


def test_another_object_under_the_uid_is_refused(archive: Path, file: Path) -> None:
    FolderTarget(archive).deliver(file)
    changed = pydicom.dcmread(file)
    changed.SeriesNumber = 77
    changed.save_as(file)
    with pytest.raises(RefusedError, match="another object"):
        FolderTarget(archive).deliver(file)


@pytest.mark.filterwarnings("ignore:Invalid value for VR")
@pytest.mark.parametrize("keyword", ["SOPInstanceUID", "SeriesInstanceUID"])
def test_a_hostile_uid_is_no_path(archive: Path, keyword: str) -> None:
    hostile = SeriesMaker(rows=8, columns=8).datasets()[0]
    setattr(hostile, keyword, "../../../evil")
    path = archive.parent / "hostile.dcm"
    hostile.file_meta.MediaStorageSOPInstanceUID = "1.2"
    hostile.save_as(path)
    with pytest.raises(SdsegError, match=r"hostile\.dcm lacks"):
        FolderTarget(archive).deliver(path)
    with pytest.raises(InputError, match="not a DICOM UID"):
        folder_client.FolderClient(archive).store_instances([pydicom.dcmread(path)])
    assert not list(archive.iterdir()) and not list(archive.parent.glob("evil*"))


@pytest.mark.filterwarnings("ignore:Invalid value for VR")
def test_a_hostile_modality_is_no_path_either(archive: Path) -> None:
    hostile = SeriesMaker(rows=8, columns=8).datasets()[0]
    hostile.Modality = "../../CT"
    hostile.save_as(archive.parent / "hostile.dcm")
    FolderTarget(archive).deliver(archive.parent / "hostile.dcm")
    assert [path.name for path in archive.iterdir()] == [f"CT_{hostile.SeriesInstanceUID}"]


def test_a_full_disk_is_tried_again_later(archive: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(folder_client, "write_atomically", full)
    with pytest.raises(DeliveryError, match="No space left") as caught:
        FolderTarget(archive).deliver(file)
    assert not isinstance(caught.value, RefusedError)


def test_a_folder_that_went_is_tried_again_later(archive: Path, file: Path) -> None:
    target = FolderTarget(archive)
    archive.rmdir()
    for ask in (target.check, lambda: target.deliver(file)):
        with pytest.raises(DeliveryError, match="cannot be written"):
            ask()


@pytest.mark.parametrize(
    ("address", "words"),
    [("nowhere", "not a folder"), ("ftp://host/x", "no kind of address"), ("dicom://host", "not a DICOM address")],
)
def test_an_address_that_is_none_is_named(address: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        open_target(address)
