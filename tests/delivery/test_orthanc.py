"""Every kind of destination against a real PACS."""

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
import typer
from helpers.dicom_series import SeriesMaker
from helpers.orthanc import PASSWORD, USER, Orthanc, modality, orthanc
from typer.testing import CliRunner

from sdseg.cli.send import send
from sdseg.delivery.credentials import Credentials
from sdseg.delivery.dicomweb_target import DicomWebTarget
from sdseg.delivery.open import open_target
from sdseg.delivery.target import Confirmation
from sdseg.dimse.listener import Listening
from sdseg.errors import DeliveryError, RefusedError, SetupError
from sdseg.pacs.deliver import store_file
from sdseg.pacs.outgoing import Outgoing
from sdseg.pacs.search import SeriesKey
from sdseg.pacs.server_client import connect
from sdseg.serving.launch import free_port

LOGIN = Credentials(USER, PASSWORD)
REPORTS = free_port()


@pytest.fixture(scope="module")
def pacs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    home = tmp_path_factory.mktemp("pacs")
    with orthanc(home, modalities={"sdseg": modality("SDSEG", REPORTS)}) as running:
        yield running


@pytest.fixture
def fresh(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """An image that no other test has sent."""
    folder = SeriesMaker(slices=1, rows=8, columns=8, name=request.node.name).save(tmp_path / "fresh")
    return next(folder.iterdir())


def uid_of(file: Path) -> str:
    return str(pydicom.dcmread(file, stop_before_pixels=True).SOPInstanceUID)


def test_stow_and_qido(pacs: Orthanc, fresh: Path) -> None:
    target = open_target(pacs.plain_web, credentials=LOGIN)
    target.check()
    receipt = target.deliver(fresh)
    assert (receipt.confirmed, receipt.already_there, receipt.warning) == (Confirmation.QIDO, False, "")
    assert pydicom.dcmread(fresh) == pydicom.dcmread(fresh.parent / _copy(pacs, fresh))
    assert target.deliver(fresh).already_there


def _copy(pacs: Orthanc, file: Path) -> str:
    (file.parent / "copy.dcm").write_bytes(pacs.file(uid_of(file)))
    return "copy.dcm"


def test_a_duplicate_that_it_would_silently_drop_is_refused(pacs: Orthanc, fresh: Path) -> None:
    target = open_target(pacs.plain_web, credentials=LOGIN)
    target.deliver(fresh)
    changed = pydicom.dcmread(fresh)
    changed.SeriesNumber = 77
    changed.save_as(fresh)
    with pytest.raises(RefusedError, match="another object under the UID"):
        target.deliver(fresh)


def test_an_object_that_it_does_not_understand_is_refused_for_ever(pacs: Orthanc, fresh: Path) -> None:
    dataset = pydicom.dcmread(fresh)
    key = SeriesKey(dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.Modality)
    del dataset.StudyInstanceUID
    dataset.save_as(fresh)
    with pytest.raises(RefusedError, match="cannot understand the object, C000H"):
        store_file(connect(pacs.web), Outgoing(fresh, key, dataset.SOPInstanceUID))


def test_a_large_object_is_never_in_memory(pacs: Orthanc, fresh: Path) -> None:
    dataset = pydicom.dcmread(fresh)
    dataset.Rows, dataset.Columns = 4096, 4096
    dataset.PixelData = bytes(2 * 4096 * 4096)
    dataset.save_as(fresh)
    del dataset
    target = open_target(pacs.plain_web, credentials=LOGIN)
    tracemalloc.start()
    try:
        target.deliver(fresh)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert fresh.stat().st_size > 32e6
    assert peak < 4e6


@pytest.mark.parametrize("why", ["filter", "full"])
def test_an_object_that_it_says_to_have_stored_but_drops_is_not_delivered(
    fresh: Path, tmp_path: Path, why: str
) -> None:
    """A filter drops it and the answer names it as stored; a full storage answers 200 with nothing in it."""
    (tmp_path / "filter.lua").write_text("function ReceivedInstanceFilter(dicom, origin, info) return false end")
    settings = {
        "filter": {"LuaScripts": [str(tmp_path / "filter.lua")]},
        "full": {"MaximumStorageSize": 1, "MaximumStorageMode": "Reject"},
    }
    if why == "full":
        SeriesMaker(slices=1, rows=900, columns=900).save(fresh.parent)
    with orthanc(tmp_path / "picky", extra=settings[why]) as picky:
        target = DicomWebTarget(picky.plain_web, LOGIN, looks=(0.0, 0.1))
        with pytest.raises(DeliveryError, match=r"accepted .* but does not list it") as caught:
            target.deliver(fresh)
        assert type(caught.value) is DeliveryError
        assert picky.count() == 0


def test_a_wrong_password_is_told(pacs: Orthanc, fresh: Path) -> None:
    target = open_target(pacs.plain_web, credentials=Credentials(USER, "wrong"))
    for ask in (target.check, lambda: target.deliver(fresh)):
        with pytest.raises(SetupError, match="answered 401"):
            ask()
    assert not pacs.holds(uid_of(fresh))


def test_c_store_and_storage_commitment(pacs: Orthanc, fresh: Path) -> None:
    target = open_target(pacs.address, credentials=Credentials(), listen=Listening(port=REPORTS))
    try:
        target.check()
        assert target.deliver(fresh).confirmed == Confirmation.COMMITMENT
        assert pacs.holds(uid_of(fresh))
    finally:
        target.close()


def test_the_command_sends_by_c_store_and_hears_the_report(pacs: Orthanc, fresh: Path) -> None:
    app = typer.Typer()
    app.command()(send)
    arguments = [str(fresh), "--to", pacs.address, "--listen", str(REPORTS), "--retry", "0"]
    for line in ("sent=1 already_there=0 failed=0\n", "sent=1 already_there=0 failed=0\n"):
        assert CliRunner().invoke(app, arguments).stdout == line, "the port is free again"
    assert pacs.holds(uid_of(fresh))


def test_c_store_confirmed_by_qido(pacs: Orthanc, fresh: Path) -> None:
    target = open_target(pacs.address, credentials=LOGIN, dicomweb=pacs.plain_web)
    assert target.deliver(fresh).confirmed == Confirmation.QIDO
    changed = pydicom.dcmread(fresh)
    changed.SeriesNumber = 77
    changed.save_as(fresh)
    with pytest.raises(RefusedError, match="another object under the UID"):
        target.deliver(fresh)


def test_a_pacs_that_was_away_gets_it_later(pacs: Orthanc, fresh: Path) -> None:
    target = open_target(pacs.plain_web, credentials=LOGIN)
    pacs.kill()
    with pytest.raises(DeliveryError, match="cannot be reached"):
        target.deliver(fresh)
    pacs.start()
    assert not target.deliver(fresh).already_there
