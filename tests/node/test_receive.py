"""What is answered to a C-STORE, and what lies on the disk then."""

import copy
import hashlib
from io import BytesIO

import pytest
from helpers.node_bench import Bench, await_true, mr
from pydicom import Dataset, dcmread
from pydicom.uid import EncapsulatedPDFStorage, SegmentationStorage

from sdseg.node.ledger import Ledger
from sdseg.node.schema import InstanceRow

SUCCESS, OUT_OF_RESOURCES, MISMATCH, OTHER_CONTENT, OTHER_SERIES = 0x0000, 0xA700, 0xA900, 0xC001, 0xC002


@pytest.fixture(autouse=True)
def nothing_completes(bench: Bench) -> None:
    bench.settings["quiet_seconds"] = bench.settings["forced_seconds"] = 1000


def instances(bench: Bench) -> dict[str, InstanceRow]:
    ledger = Ledger(bench.home.ledger)
    with ledger.reading() as session:
        found = {row.sop_uid: row for row in session.query(InstanceRow)}
    ledger.close()
    return found


def encoded(dataset: Dataset) -> bytes:
    """The data set alone, as the sender encodes it."""
    stream = BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    stream.seek(132 + 8)
    length = dcmread(BytesIO(stream.getvalue())).file_meta.FileMetaInformationGroupLength
    return stream.getvalue()[132 + 12 + length :]


def test_the_bytes_are_kept_as_they_came(bench: Bench) -> None:
    series = mr()
    with bench.running():
        assert bench.send(series) == [SUCCESS] * 4
        for dataset in series:
            path = bench.home.received(dataset.SeriesInstanceUID, dataset.SOPInstanceUID)
            content = path.read_bytes()
            assert content.endswith(encoded(dataset))
            assert dcmread(path).file_meta.TransferSyntaxUID == dataset.file_meta.TransferSyntaxUID
            row = instances(bench)[dataset.SOPInstanceUID]
            assert row.sha256 == hashlib.sha256(encoded(dataset)).hexdigest()


def test_a_duplicate_is_answered_from_the_ledger(bench: Bench) -> None:
    series = mr()
    with bench.running():
        bench.send(series)
        path = bench.home.received(series[0].SeriesInstanceUID, series[0].SOPInstanceUID)
        written = path.stat().st_mtime_ns
        assert bench.send(series) == [SUCCESS] * 4
        assert path.stat().st_mtime_ns == written


def test_other_content_under_the_same_uid_is_refused(bench: Bench) -> None:
    series = mr()
    with bench.running():
        bench.send(series)
        path = bench.home.received(series[0].SeriesInstanceUID, series[0].SOPInstanceUID)
        before = path.read_bytes()
        changed, moved, strayed = (copy.deepcopy(series[0]) for _ in range(3))
        changed.PatientID = "ANOTHER"
        moved.SeriesInstanceUID = "1.2.3"
        strayed.SOPInstanceUID = strayed.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4"
        strayed.StudyInstanceUID = "1.2.3"
        assert bench.send([changed, moved, strayed]) == [OTHER_CONTENT, OTHER_SERIES, OTHER_SERIES]
        assert path.read_bytes() == before
        assert len(instances(bench)) == 4


@pytest.mark.parametrize(
    ("keyword", "value", "status"),
    [
        ("SeriesInstanceUID", "../../escaped", 0xC000),
        ("SeriesInstanceUID", "", 0xC000),
        ("SeriesInstanceUID", "1" * 65, 0xC000),
        ("StudyInstanceUID", None, 0xC000),
        ("StudyInstanceUID", "1.2\\1.3", 0xC000),
    ],
)
def test_without_usable_uids_nothing_is_kept(bench: Bench, keyword: str, value: str | None, status: int) -> None:
    dataset = mr()[0]
    if value is None:
        delattr(dataset, keyword)
    else:
        dataset.add_new(keyword, "UT", value)
    with bench.running():
        assert bench.send([dataset]) == [status]
        assert not any(bench.home.incoming.iterdir())
        assert not list(bench.folder.rglob("*escaped*"))


def test_another_instance_than_announced_is_refused(bench: Bench) -> None:
    from sdseg.errors import InputError
    from sdseg.node.headers import MismatchError, identify

    stream = BytesIO()
    dataset = mr()[0]
    dataset.save_as(stream, enforce_file_format=True)
    arguments = (stream.getvalue(), encoded(dataset), dataset.SOPClassUID)
    assert identify(*arguments, dataset.SOPInstanceUID).sop_uid == dataset.SOPInstanceUID
    with pytest.raises(MismatchError):
        identify(*arguments, "1.2.3")
    with pytest.raises(InputError, match="absent"):
        identify(stream.getvalue()[:400], b"", dataset.SOPClassUID, dataset.SOPInstanceUID)


def test_results_and_documents_are_taken_and_ignored(bench: Bench) -> None:
    series = mr()
    for dataset, kind in zip(series[:2], (SegmentationStorage, EncapsulatedPDFStorage), strict=True):
        dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = kind
        dataset.SeriesInstanceUID = f"1.2.3.{series.index(dataset)}"
    with bench.running():
        assert bench.send([*series[:2], *series[:2]]) == [SUCCESS] * 4
        assert bench.status().series["ignored"] == 2
        assert not any(bench.home.incoming.iterdir())


def test_too_little_space_is_out_of_resources_but_a_duplicate_is_answered(bench: Bench) -> None:
    first, second = mr()[:2]
    with bench.running():
        assert bench.send([first]) == [SUCCESS]
    bench.settings["minimum_free_mb"] = 1e9
    with bench.running():
        assert bench.send([first, second]) == [SUCCESS, OUT_OF_RESOURCES]
        assert len(list(bench.home.incoming.rglob("*.dcm"))) == 1


def test_strangers_are_rejected(bench: Bench) -> None:
    bench.settings["callers"].append({"ae_title": "FAR", "host": "192.0.2.1"})
    with bench.running():
        for calling, called, reason in (("OTHER", "SDSEG", 3), ("SENDER", "OTHER", 7), ("FAR", "SDSEG", 3)):
            with bench.association(calling, called) as association:
                assert association.is_rejected
                assert association.acceptor.primitive.diagnostic == reason
        with bench.association() as association:
            assert association.send_c_echo().Status == SUCCESS


def test_what_ends_a_connection_does_not_end_the_node(bench: Bench) -> None:
    """A presentation data value of no length, which ends pynetdicom's thread by an exception."""
    with bench.running():
        with bench.association() as association:
            association.dul.socket.socket.sendall(bytes.fromhex("04 00 00000006 00000002 01 03"))
            await_true(lambda: not association.is_established, "the connection ends")
        with bench.association() as association:
            assert association.send_c_echo().Status == SUCCESS


def test_the_number_of_associations_is_limited(bench: Bench) -> None:
    bench.settings["maximum_associations"] = 2
    with bench.running(), bench.association() as first, bench.association() as second:
        assert first.is_established and second.is_established
        with bench.association() as third:
            assert third.is_rejected
        first.release()

        def established() -> bool:
            with bench.association() as fourth:
                return bool(fourth.is_established)

        await_true(established, "a place is free again")
