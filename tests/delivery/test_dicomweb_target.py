"""Each answer that a DICOMweb server may give to a store, on a real socket."""

import re
import struct
from concurrent.futures import ThreadPoolExecutor
from math import nan
from pathlib import Path

import pydicom
import pytest
from delivery.web_pacs import Answer, WebPacs, failed_json, stored_json
from helpers.dicom_series import SeriesMaker
from pydicom import DataElement
from pydicom.uid import RLELossless

from sdseg.delivery.dicomweb_target import DicomWebTarget
from sdseg.delivery.target import Confirmation
from sdseg.errors import DeliveryError, InputError, RefusedError, SetupError
from sdseg.pacs.answers import MEANINGS, BusyError, NotThereError, failure
from sdseg.serving.launch import free_port

XML_OF_FAILURE = b"""<?xml version="1.0"?>
<NativeDicomModel xmlns="http://dicom.nema.org/PS3.19/models/NativeDICOM">
<DicomAttribute tag="00081198" vr="SQ" keyword="FailedSOPSequence"><Item number="1">
<DicomAttribute tag="00081155" vr="UI"><Value number="1">1.2</Value></DicomAttribute>
<DicomAttribute tag="00081197" vr="US"><Value number="1">43264</Value></DicomAttribute>
</Item></DicomAttribute></NativeDicomModel>"""


def target(pacs: WebPacs, confirm: Confirmation = Confirmation.QIDO) -> DicomWebTarget:
    return DicomWebTarget(pacs.url, confirm=confirm, looks=(0.0, 0.0, 0.0), timeout=(30.0, 30.0))


def uid_of(file: Path) -> str:
    return str(pydicom.dcmread(file, stop_before_pixels=True).SOPInstanceUID)


def test_the_file_arrives_byte_by_byte_uncompressed_and_is_confirmed(pacs: WebPacs, file: Path) -> None:
    receipt = target(pacs).deliver(file)
    assert (receipt.sop_instance_uid, receipt.confirmed, receipt.already_there) == (uid_of(file), "qido", False)
    assert pacs.kept == {uid_of(file): file.read_bytes()}
    ((_, path, headers, size),) = pacs.requests("POST")
    assert path == "/dicom-web/studies"
    assert int(headers["Content-Length"]) == size
    assert "Content-Encoding" not in headers and "Transfer-Encoding" not in headers
    assert pacs.url.split("/")[2] == headers["Host"] == pacs.requests("GET")[0][2]["Host"]


def test_the_same_object_is_there_already_and_not_sent_again(pacs: WebPacs, file: Path) -> None:
    target(pacs).deliver(file)
    assert target(pacs).deliver(file).already_there
    assert len(pacs.requests("POST")) == 1


def test_another_object_under_the_uid_is_found_by_comparing(pacs: WebPacs, file: Path) -> None:
    target(pacs).deliver(file)
    dataset = pydicom.dcmread(file)
    dataset.PixelData = bytes(len(dataset.PixelData))
    dataset.save_as(file)
    with pytest.raises(RefusedError, match="holds another object under the UID"):
        target(pacs).deliver(file)
    with pytest.raises(RefusedError, match="holds another object under the UID"):
        target(pacs).require(file)


def test_an_archive_may_correct_its_records_but_not_the_patient(pacs: WebPacs, file: Path) -> None:
    sent = pydicom.dcmread(file)
    sent.ContentTime, sent.PatientName, sent.AccessionNumber = "235959", "Other^Spelling", "B2"
    sent.StudyDescription, sent.IssuerOfPatientID = "As the archive calls it", "HOSPITAL"
    corrected = file.parent / "corrected"
    sent.save_as(corrected)
    pacs.kept[uid_of(file)] = corrected.read_bytes()
    assert target(pacs).deliver(file).already_there
    sent.PatientID = "SOMEONE-ELSE"
    sent.save_as(corrected)
    pacs.kept[uid_of(file)] = corrected.read_bytes()
    with pytest.raises(RefusedError, match="another object"):
        target(pacs).deliver(file)


@pytest.mark.filterwarnings("ignore:Invalid value", "ignore:Value")
@pytest.mark.parametrize(
    ("tag", "vr", "value"), [(0x00200011, b"IS", "abcd"), (0x00180050, b"DS", "thin"), (0x00189073, b"FD", nan)]
)
def test_an_odd_value_does_not_make_another_object(
    pacs: WebPacs, file: Path, tag: int, vr: bytes, value: str | float
) -> None:
    dataset = pydicom.dcmread(file)
    written_as = "LO" if isinstance(value, str) else "FD"
    dataset[tag] = DataElement(tag, written_as, value)
    dataset.save_as(file)
    place = struct.pack("<HH", tag >> 16, tag & 0xFFFF)
    file.write_bytes(file.read_bytes().replace(place + written_as.encode(), place + vr))
    target(pacs).deliver(file)
    assert target(pacs).deliver(file).already_there


def test_a_search_that_is_late_is_waited_for(pacs: WebPacs, file: Path) -> None:
    pacs.late = 2
    assert target(pacs).deliver(file).confirmed == Confirmation.QIDO
    assert not pacs.late


def test_a_search_that_ignores_the_uid_is_searched_through(pacs: WebPacs, files: list[Path]) -> None:
    pacs.sees_filter = False
    assert [target(pacs).deliver(file).already_there for file in (*files, files[2])] == [False, False, False, True]


@pytest.mark.parametrize("status", [200, 202])
@pytest.mark.parametrize("body", [b"", b"{}", b"<html>", b"[]", b"null", b'{"00081199": 7}'])
def test_a_success_that_keeps_nothing_is_none(pacs: WebPacs, file: Path, status: int, body: bytes) -> None:
    pacs.stores.append(Answer(status, body))
    with pytest.raises(DeliveryError, match="does not list it") as caught:
        target(pacs).deliver(file)
    assert not isinstance(caught.value, RefusedError)


@pytest.mark.parametrize("body", [b"", b"{}", stored_json("1.2.3")])
def test_without_a_search_the_answer_must_name_the_object(pacs: WebPacs, file: Path, body: bytes) -> None:
    quick = target(pacs, Confirmation.NONE)
    pacs.stores.append(Answer(200, body))
    with pytest.raises(DeliveryError, match="without a word about"):
        quick.deliver(file)
    assert quick.deliver(file).confirmed == Confirmation.NONE
    assert quick.deliver(file).confirmed == Confirmation.QIDO, "it was seen there"


def test_an_empty_answer_of_an_archive_that_keeps_the_object_is_a_success(pacs: WebPacs, file: Path) -> None:
    pacs.stores.append(Answer(200, keep=True))
    assert target(pacs).deliver(file).warning == ""


def test_a_warning_is_a_success_that_is_told(pacs: WebPacs, file: Path) -> None:
    pacs.stores.append(Answer(202, stored_json(uid_of(file), warning=0xB000), keep=True))
    assert target(pacs).deliver(file).warning == "it changed data elements, B000H"


@pytest.mark.parametrize("status", [200, 202, 400, 409])
@pytest.mark.parametrize(
    ("code", "words", "kind"),
    [
        (0xA700, "out of resources, A700H", DeliveryError),
        (0x0110, "processing failure, 0110H", DeliveryError),
        (0x0122, "SOP class not supported, 0122H", RefusedError),
        (0xA900, "data set and SOP class do not match, A900H", RefusedError),
        (0xC122, "transfer syntax not supported, C122H", RefusedError),
        (0xC001, "cannot understand the object, C001H", RefusedError),
    ],
)
def test_a_named_failure_is_told_in_words_whatever_the_status(
    pacs: WebPacs, file: Path, status: int, code: int, words: str, kind: type[DeliveryError]
) -> None:
    pacs.stores.append(Answer(status, failed_json(uid_of(file), failure=code)))
    with pytest.raises(DeliveryError, match=words) as caught:
        target(pacs).deliver(file)
    assert type(caught.value) is kind


@pytest.mark.parametrize("media_type", ["", "application/json", "application/dicom+json; charset=utf-8"])
def test_an_answer_is_understood_whatever_its_media_type_says(pacs: WebPacs, file: Path, media_type: str) -> None:
    pacs.stores.append(Answer(400, failed_json(uid_of(file), failure=0xA700), media_type))
    with pytest.raises(DeliveryError, match="A700H"):
        target(pacs).deliver(file)


def test_an_answer_in_xml_is_understood(pacs: WebPacs, file: Path) -> None:
    pacs.stores.append(Answer(200, XML_OF_FAILURE, "application/dicom+xml; charset=utf-8"))
    with pytest.raises(RefusedError, match="A900H"):
        target(pacs).deliver(file)


@pytest.mark.parametrize(
    ("status", "words", "kind"),
    [
        (301, "it has moved to https://other/dicom-web/studies; give that address", SetupError),
        (400, "does not understand", RefusedError),
        (401, "credentials are wrong, missing or out of date", SetupError),
        (403, "ask its keeper for the permission", SetupError),
        (404, "no DICOMweb service at this address", NotThereError),
        (409, "conflicts", RefusedError),
        (413, "too large", RefusedError),
        (415, "media type or transfer syntax", RefusedError),
        (429, "too much to do", BusyError),
        (500, "failed inwardly", BusyError),
        (502, "proxy cannot reach it", BusyError),
        (503, "not available", BusyError),
        (507, "its storage is full", BusyError),
        (599, "its log should say why", BusyError),
    ],
)
def test_each_status_has_its_sentence(
    pacs: WebPacs, file: Path, status: int, words: str, kind: type[DeliveryError]
) -> None:
    location = ("Location", "https://user:secret@other/dicom-web/studies?token=secret")
    pacs.stores.append(Answer(status, b"<html>", "text/html", (location, ("Retry-After", "7"))))
    with pytest.raises(DeliveryError, match=words) as caught:
        target(pacs).deliver(file)
    assert type(caught.value) is kind
    assert f"answered {status}" in str(caught.value) and "secret" not in str(caught.value)
    if isinstance(caught.value, BusyError):
        assert caught.value.retry_after == 7.0
    assert not pacs.kept
    assert target(pacs).deliver(file).sop_instance_uid == uid_of(file), "another try is harmless"


@pytest.mark.parametrize("status", [400, 409])
def test_a_refusal_of_what_another_sender_just_stored_is_a_success(pacs: WebPacs, file: Path, status: int) -> None:
    pacs.stores.append(Answer(status, keep=True))
    assert target(pacs).deliver(file).confirmed == Confirmation.QIDO


def test_an_answer_before_the_body_is_read_is_understood(pacs: WebPacs, file: Path) -> None:
    pacs.stores.append(Answer(413, unread=True))
    with pytest.raises(RefusedError, match="too large"):
        target(pacs).deliver(file)


@pytest.mark.parametrize(
    ("fault", "words"), [(Answer(reset=True), "cannot be reached"), (Answer(silent=True), "did not answer in time")]
)
def test_a_lost_connection_and_silence_are_tried_again_later(
    pacs: WebPacs, file: Path, fault: Answer, words: str
) -> None:
    pacs.stores.append(fault)
    impatient = DicomWebTarget(pacs.url, timeout=(30.0, 2.0))
    with pytest.raises(DeliveryError, match=words) as caught:
        impatient.deliver(file)
    assert not isinstance(caught.value, RefusedError | SetupError)


def test_what_got_through_before_the_connection_was_lost_is_found(pacs: WebPacs, file: Path) -> None:
    pacs.stores.append(Answer(reset=True, keep=True))
    with pytest.raises(DeliveryError):
        target(pacs).deliver(file)
    assert target(pacs).deliver(file).already_there


def test_nobody_there_is_one_sentence(file: Path) -> None:
    nowhere = DicomWebTarget(f"http://127.0.0.1:{free_port()}/dicom-web")
    for ask in (nowhere.check, lambda: nowhere.deliver(file)):
        with pytest.raises(DeliveryError, match=r"cannot be reached while .*; check the address"):
            ask()


@pytest.mark.parametrize(
    ("body", "words"), [(b"<html>login", "not DICOM"), (b"\xff\xfe", "not DICOM"), (b"[7]", "not DICOM")]
)
def test_a_search_that_answers_nonsense_is_no_proof(pacs: WebPacs, file: Path, body: bytes, words: str) -> None:
    pacs.searches.append(Answer(200, body))
    with pytest.raises(DeliveryError, match=words):
        target(pacs).deliver(file)
    assert not pacs.requests("POST")


def test_a_search_that_does_not_know_the_study_says_that_it_is_not_there(pacs: WebPacs, file: Path) -> None:
    pacs.searches.append(Answer(404))
    assert not target(pacs).deliver(file).already_there


def test_check_asks_and_tells(pacs: WebPacs) -> None:
    target(pacs).check()
    pacs.roots.extend([Answer(401), Answer(200, b"<html>")])
    with pytest.raises(SetupError, match="answered 401 while looking whether it answers"):
        target(pacs).check()
    with pytest.raises(DeliveryError, match="not DICOM"):
        target(pacs).check()


def test_what_came_another_way_must_be_listed(pacs: WebPacs, file: Path) -> None:
    with pytest.raises(DeliveryError, match="does not list"):
        target(pacs).require(file)
    pacs.kept[uid_of(file)] = file.read_bytes()
    target(pacs).require(file)


@pytest.mark.parametrize("size", [100, 600, -130, -1])
def test_a_truncated_file_does_not_leave(pacs: WebPacs, file: Path, size: int) -> None:
    file.write_bytes(file.read_bytes()[:size])
    with pytest.raises(InputError, match=f"{file.name} (is|lacks)"):
        target(pacs).deliver(file)
    assert not pacs.seen


@pytest.mark.filterwarnings("ignore:End of file reached")
def test_a_truncated_compressed_file_does_not_leave(pacs: WebPacs, file: Path) -> None:
    dataset = pydicom.dcmread(file)
    dataset.compress(RLELossless)
    dataset.save_as(file)
    whole = file.read_bytes()
    for size in (len(whole) // 2, len(whole) - 30):
        file.write_bytes(whole[:size])
        with pytest.raises(InputError, match="is truncated"):
            target(pacs).deliver(file)
    assert not pacs.seen
    file.write_bytes(whole)
    target(pacs).deliver(file)


def test_several_threads_may_deliver(pacs: WebPacs, tmp_path: Path) -> None:
    files = sorted(SeriesMaker(slices=12, rows=8, columns=8).save(tmp_path / "many").iterdir())
    one = target(pacs)
    with ThreadPoolExecutor(4) as pool:
        receipts = list(pool.map(one.deliver, files))
    assert {receipt.sop_instance_uid for receipt in receipts} == pacs.kept.keys() == set(map(uid_of, files))


def test_the_document_tells_what_the_code_does() -> None:
    """docs/delivery.md lists every status that has a meaning here, with what is done."""
    text = (Path(__file__).parents[2] / "docs" / "delivery.md").read_text()
    rows = [row.strip("|").split("|") for row in text.splitlines() if re.match(r"\| \d{3}", row)]
    told = {int(status): row[2].strip() for row in rows for status in re.findall(r"\b\d{3}\b", row[0])}
    done = {SetupError: "set-up", NotThereError: "set-up", BusyError: "again", RefusedError: "never"}
    assert told == {s: done[type(failure(s, {}, "x", "y"))] for s in sorted(MEANINGS)}


def test_impossible_choices_are_named(pacs: WebPacs) -> None:
    with pytest.raises(InputError, match="no storage commitment"):
        target(pacs, Confirmation.COMMITMENT)
    with pytest.raises(InputError, match="not a DICOMweb address"):
        DicomWebTarget("http://")
