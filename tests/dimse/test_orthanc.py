"""Against a real PACS: Debian's Orthanc."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from dimse.objects import PATIENT, data_set_bytes, save_object, uid_of
from helpers.dicom_series import SeriesMaker
from helpers.orthanc import Orthanc, modality, orthanc
from pydicom.uid import RLELossless
from pynetdicom.sop_class import LabelMapSegmentationStorage, ParametricMapStorage

from sdseg.delivery.dimse_target import DimseTarget
from sdseg.delivery.target import Confirmation, Receipt
from sdseg.dimse.association import echo
from sdseg.dimse.listener import Listening
from sdseg.dimse.peer import Peer
from sdseg.dimse.store import store_files
from sdseg.errors import DeliveryError, RefusedError, SetupError
from sdseg.serving.launch import free_port


@pytest.fixture(scope="module")
def port() -> int:
    """Where Orthanc sends reports to."""
    return free_port()


@pytest.fixture(scope="module")
def pacs(tmp_path_factory: pytest.TempPathFactory, port: int) -> Iterator[Orthanc]:
    """It knows us as SDSEG, and SILENT at a port where nobody listens."""
    known = {"sdseg": modality("SDSEG", port), "silent": modality("SILENT", free_port())}
    with orthanc(tmp_path_factory.mktemp("orthanc"), modalities=known) as server:
        yield server


@pytest.fixture
def target(pacs: Orthanc, port: int) -> Iterator[DimseTarget]:
    with DimseTarget(Peer.parse(pacs.address), listen=Listening(port=port)) as target:
        yield target


def test_a_segmentation_is_stored_and_committed(target, pacs, seg, caplog):
    caplog.set_level(logging.DEBUG)
    target.check()
    assert target.deliver(seg) == Receipt(uid_of(seg), Confirmation.COMMITMENT)
    assert data_set_bytes(pacs.file(uid_of(seg))) == data_set_bytes(seg.read_bytes())
    assert PATIENT not in caplog.text


def test_sending_again_changes_nothing(target, pacs, seg):
    first, before = target.deliver(seg), pacs.count()
    assert target.deliver(seg) == first
    assert pacs.count() == before


@pytest.mark.parametrize("options", [{"klass": ParametricMapStorage}, {"syntax": RLELossless}])
def test_other_results_arrive_as_they_are(target, pacs, tmp_path, options):
    path = save_object(tmp_path, **options)
    target.deliver(path)
    assert data_set_bytes(pacs.file(uid_of(path))) == data_set_bytes(path.read_bytes())


def test_a_labelmap_is_refused_with_the_way_out(target, pacs, tmp_path):
    path = save_object(tmp_path, klass=LabelMapSegmentationStorage)
    with pytest.raises(RefusedError, match=r"Label Map Segmentation Storage.*UnknownSopClassAccepted.*BINARY"):
        target.deliver(path)
    assert not pacs.holds(uid_of(path))


def test_a_series_goes_over_one_association(pacs, tmp_path):
    folder = SeriesMaker(name="orthanc").save(tmp_path / "ct")
    paths = sorted(folder.iterdir())
    stored = store_files(Peer.parse(pacs.address), paths)
    assert [each.sop_instance_uid for each in stored] == [uid_of(path) for path in paths]
    assert all(pacs.holds(uid_of(path)) for path in paths)


def test_a_damaged_object_is_refused(pacs, tmp_path, seg):
    """Orthanc cannot index an object without StudyInstanceUID and the like."""
    dataset = pydicom.dcmread(seg)
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "PatientID"):
        del dataset[keyword]
    path = tmp_path / "damaged.dcm"
    pydicom.dcmwrite(path, dataset)
    with pytest.raises(DeliveryError, match="status 0x"):
        store_files(Peer.parse(pacs.address), [path])


def test_a_caller_it_does_not_know(pacs, seg):
    with pytest.raises(SetupError, match="does not know our AE title STRANGER"):
        store_files(Peer.parse(f"{pacs.address}?calling=STRANGER"), [seg])


def test_a_title_that_is_not_its_own(pacs, seg):
    with pytest.raises(SetupError, match="its AE title is not WRONG"):
        store_files(Peer.parse(f"dicom://WRONG@127.0.0.1:{pacs.dicom_port}"), [seg])


def test_a_report_that_reaches_nobody_is_no_delivery(pacs, seg):
    peer = Peer.parse(f"{pacs.address}?calling=SILENT")
    with pytest.raises(DeliveryError, match="reported no storage commitment") as caught:
        DimseTarget(peer, patience=0.3).deliver(seg)
    assert not isinstance(caught.value, RefusedError)
    assert pacs.holds(uid_of(seg))


def test_it_is_found_again_after_it_was_down(tmp_path: Path, seg):
    port = free_port()
    with (
        orthanc(tmp_path / "o", modalities={"sdseg": modality("SDSEG", port)}) as server,
        DimseTarget(Peer.parse(server.address), listen=Listening(port=port)) as target,
    ):
        server.kill()
        with pytest.raises(DeliveryError, match="cannot be reached"):
            target.deliver(seg)
        server.start()
        assert target.deliver(seg).confirmed is Confirmation.COMMITMENT


def test_commitment_that_is_not_allowed(tmp_path: Path, seg):
    known = {"sdseg": modality("SDSEG", free_port())}
    with orthanc(tmp_path / "o", modalities=known, commitment=False) as server:
        with pytest.raises(DeliveryError, match="instead of answering the request for storage commitment"):
            DimseTarget(Peer.parse(server.address), patience=1.0).deliver(seg)
        receipt = DimseTarget(Peer.parse(server.address), Confirmation.NONE).deliver(seg)
    assert receipt.confirmed is Confirmation.NONE


def test_mutual_tls_in_both_directions(tmp_path: Path, seg, pki, other_pki):
    """C-STORE to Orthanc and its report to us, each with certificates; those of another authority get nowhere."""
    port = free_port()
    known = {"sdseg": modality("SDSEG", port, tls=True)}
    with orthanc(tmp_path / "o", modalities=known, tls=pki.server) as server:
        peer = Peer.parse(server.address, tls=pki.ours)
        with DimseTarget(peer, listen=Listening(port=port, tls=pki.server)) as target:
            assert target.deliver(seg).confirmed is Confirmation.COMMITMENT
        for wrong in (other_pki.ours, None):
            with pytest.raises(DeliveryError):
                echo(Peer.parse(server.address, tls=wrong))
        unknown = type(pki.ours)(pki.ca, other_pki.ours.certificate, other_pki.ours.key)
        with pytest.raises(DeliveryError, match="our certificate"):
            echo(Peer.parse(server.address, tls=unknown))
