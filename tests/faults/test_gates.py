"""The harness itself: the gates fail as they say, and an Orthanc that is started again has what it had."""

from collections.abc import Iterator

import pydicom
import pytest
import requests
from helpers.orthanc import require_orthanc
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid
from pynetdicom import AE, evt
from pynetdicom.sop_class import MRImageStorage, StorageCommitmentPushModel, StorageCommitmentPushModelInstance

from faults.dimse_gate import DimseFault
from faults.http_gate import HttpFault
from faults.waiting import wait_for
from faults.world import DIRECT, World, world
from sdseg.demo.router import Peer, Router

KEEPING = (DimseFault.NONE, DimseFault.WARN, DimseFault.NO_COMMITMENT, DimseFault.REFUSE_COMMITMENT)
ACKNOWLEDGING = (DimseFault.NONE, DimseFault.LIE, DimseFault.NO_COMMITMENT, DimseFault.REFUSE_COMMITMENT)


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Archives and gates; no node."""
    require_orthanc()
    with world(tmp_path_factory.mktemp("gates")) as made:
        yield made


@pytest.mark.parametrize("fault", [fault for fault in DimseFault if fault is not DimseFault.HANG])
def test_dimse_gate(archives: World, fault: DimseFault) -> None:
    study = archives.studies.make(list(DimseFault).index(fault))
    archives.dimse.fault = fault
    taken = Router(Peer(archives.dimse.port, archives.dimse.ae_title)).offer(study.files)
    assert bool(taken) is (fault in ACKNOWLEDGING)
    assert any(archives.first.holds(uid) for uid in study.files) is (fault in KEEPING)


def test_a_hanging_gate_lets_go(archives: World) -> None:
    archives.dimse.fault = DimseFault.HANG
    entity = AE("ROUTER")
    entity.add_requested_context(MRImageStorage, ExplicitVRLittleEndian)
    entity.dimse_timeout = 1
    association = entity.associate("127.0.0.1", archives.dimse.port, ae_title=archives.dimse.ae_title)
    study = archives.studies.make(90)
    assert not association.send_c_store(next(iter(study.files.values())))
    archives.dimse.fault = DimseFault.NONE
    assert Router(Peer(archives.dimse.port, archives.dimse.ae_title)).send(study) == 1


@pytest.mark.parametrize(
    ("fault", "told"),
    [(DimseFault.NONE, ["committed"]), (DimseFault.REFUSE_COMMITMENT, ["failed"]), (DimseFault.NO_COMMITMENT, [])],
)
def test_commitment_is_what_orthanc_holds(archives: World, fault: DimseFault, told: list[str]) -> None:
    study = archives.studies.make(91)
    archives.dimse.fault = DimseFault.NONE
    Router(Peer(archives.dimse.port, archives.dimse.ae_title)).send(study)
    heard: list[str] = []

    def hear(event: evt.Event) -> tuple[int, None]:
        heard.append("failed" if "FailedSOPSequence" in event.event_information else "committed")
        return 0, None

    listener = AE("SDSEG")
    listener.add_supported_context(StorageCommitmentPushModel, scu_role=True, scp_role=True)
    where = ("127.0.0.1", archives.peer.port)
    server = listener.start_server(where, block=False, evt_handlers=[(evt.EVT_N_EVENT_REPORT, hear)])
    try:
        archives.dimse.fault = fault
        ask_for_commitment(archives.dimse.port, archives.dimse.ae_title, next(iter(study.files)))
        if told:
            wait_for(lambda: heard, "the gate did not report")
        assert heard == told
    finally:
        server.shutdown()


def ask_for_commitment(port: int, called: str, sop_uid: str) -> None:
    """N-ACTION."""
    entity = AE("SDSEG")
    entity.add_requested_context(StorageCommitmentPushModel)
    association = entity.associate("127.0.0.1", port, ae_title=called)
    item, request = Dataset(), Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = MRImageStorage, sop_uid
    request.TransactionUID, request.ReferencedSOPSequence = generate_uid(), [item]
    status, _ = association.send_n_action(request, 1, StorageCommitmentPushModel, StorageCommitmentPushModelInstance)
    assert status.Status == 0
    association.release()


@pytest.mark.parametrize(
    ("fault", "status", "keeps"),
    [
        (HttpFault.NONE, 200, True),
        (HttpFault.UNAUTHORISED, 401, False),
        (HttpFault.UNAVAILABLE, 503, False),
        (HttpFault.EMPTY, 200, False),
        (HttpFault.RESET, None, False),
        (HttpFault.FORGETFUL, None, True),
    ],
)
def test_http_gate(archives: World, fault: HttpFault, status: int | None, keeps: bool) -> None:
    study = archives.studies.make(100 + list(HttpFault).index(fault), DIRECT)
    archives.http.fault = fault
    (uid, path), *_ = study.files.items()
    assert stow(archives.http.dicomweb, path.read_bytes()) == status
    assert archives.second.holds(uid) is keeps


def stow(address: str, content: bytes) -> int | None:
    """The status of a STOW (PS3.18 10.5), None where the connection broke."""
    body = b"--x\r\nContent-Type: application/dicom\r\n\r\n" + content + b"\r\n--x--"
    headers = {"Content-Type": 'multipart/related; type="application/dicom"; boundary=x'}
    try:
        return requests.post(f"{address}/studies", data=body, headers=headers, timeout=60).status_code
    except requests.ConnectionError:
        return None


def test_orthanc_keeps_what_it_had(archives: World) -> None:
    study = archives.studies.make(200)
    assert Router(Peer(archives.second.dicom_port, archives.second.ae_title)).send(study) == 1
    archives.second.stop()
    with pytest.raises(requests.ConnectionError):
        archives.second.search(Modality="MR")
    archives.second.start()
    found = archives.second.search(Modality="MR", StudyInstanceUID=study.study_uid)
    assert {item.sop_uid for item in found} == set(study.files)
    fetched = archives.second.fetch(found[0].sop_uid, archives.folder / "fetched.dcm")
    assert pydicom.dcmread(fetched).SeriesInstanceUID == study.series_uid
