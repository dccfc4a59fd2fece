"""The PACS as destination: store, confirm, again, from several threads."""

import threading

import pytest
from dimse.archive import Archive, all_committed, all_failed, running
from dimse.objects import save_object, uid_of

from sdseg.delivery.dimse_target import DimseTarget
from sdseg.delivery.target import Confirmation, Receipt, Target
from sdseg.dimse.commitment import Commitments
from sdseg.dimse.listener import Listening
from sdseg.errors import DeliveryError, InputError, RefusedError, SetupError


@pytest.fixture
def deliver(call, seg):
    """Deliver one file to an archive, reports over the same association."""

    def to(archive, confirm=Confirmation.COMMITMENT, **options):
        with DimseTarget(call(archive), confirm, **options) as target:
            return target.deliver(seg)

    return to


def test_it_is_a_target(call):
    target: Target = DimseTarget(call(Archive(port=104)))
    assert target.name == "dicom://ARCHIVE@127.0.0.1:104"


def test_store_and_commitment(deliver, seg):
    with running(Archive()) as archive:
        assert deliver(archive) == Receipt(uid_of(seg), Confirmation.COMMITMENT)
    assert list(archive.stored) == [uid_of(seg)]


def test_commitment_over_an_association_of_the_archives_own(call, seg):
    with (
        running(Archive(same_association=False)) as archive,
        DimseTarget(call(archive), listen=Listening(port=0)) as target,
    ):
        archive.listener = target.listening_on
        assert target.deliver(seg).confirmed is Confirmation.COMMITMENT


def test_a_warning_is_told_with_the_receipt(deliver):
    with running(Archive(0xB007)) as archive:
        assert "0xB007" in deliver(archive).warning


def test_sending_again_is_harmless(deliver, seg):
    archive = Archive()
    with running(archive):
        first, again = deliver(archive), deliver(archive)
    assert first == again
    assert list(archive.stored) == [uid_of(seg)]


def test_a_duplicate_that_is_committed_was_there_already(deliver):
    with running(Archive(0x0111)) as archive:
        assert deliver(archive).already_there


def test_without_confirmation_nothing_is_asked_for(deliver):
    with running(Archive(), commitment=False) as archive:
        assert deliver(archive, Confirmation.NONE).confirmed is Confirmation.NONE


def test_a_listing_confirms(deliver, seg):
    looked = []
    with running(Archive(), commitment=False) as archive:
        assert deliver(archive, Confirmation.QIDO, arrived=looked.append).confirmed is Confirmation.QIDO
    assert looked == [seg]


def test_an_archive_that_lists_nothing(deliver):
    def missing(path):
        raise DeliveryError("The archive does not list it.")

    with running(Archive(), commitment=False) as archive, pytest.raises(DeliveryError, match="does not list it"):
        deliver(archive, Confirmation.QIDO, arrived=missing)


def test_no_report_is_no_delivery(deliver):
    with (
        running(Archive(report=lambda *_: None)) as archive,
        pytest.raises(DeliveryError, match=r"no storage commitment within 0\.2 seconds") as caught,
    ):
        deliver(archive, patience=0.2)
    assert not isinstance(caught.value, RefusedError)


def test_a_late_report_saves_sending_again(call, seg):
    requests = []
    with (
        running(Archive(report=lambda archive, request: requests.append(request))) as archive,
        DimseTarget(call(archive), listen=Listening(port=0), patience=0.1) as target,
    ):
        archive.listener = target.listening_on
        with pytest.raises(DeliveryError):
            target.deliver(seg)
        archive.send_report(all_committed(requests[0]))
        assert target.deliver(seg) == Receipt(uid_of(seg), Confirmation.COMMITMENT, already_there=True)
        assert archive.associations == 1
        with pytest.raises(DeliveryError):
            target.deliver(seg)
        assert archive.associations == 2


@pytest.mark.parametrize(
    ("reason", "final"), [(0x0110, False), (0x0112, False), (0x0213, False), (0x0122, True), (0x0119, True)]
)
def test_a_commitment_that_failed(deliver, seg, reason, final):
    failing = Archive(report=lambda archive, request: all_failed(request, reason), event_type=2)
    with running(failing) as archive, pytest.raises(DeliveryError, match=f"did not commit to {uid_of(seg)}") as caught:
        deliver(archive)
    assert isinstance(caught.value, RefusedError) == final


def test_what_is_refused_but_held_was_kept_by_an_attempt_without_an_answer(deliver, seg):
    with running(Archive(0xC000)) as archive:
        receipt = deliver(archive, held_counts=True)
        assert receipt.already_there and "0xC000" in receipt.warning
        with pytest.raises(RefusedError, match="0xC000"):  # an object of anybody: it may be another one
            deliver(archive)


@pytest.mark.parametrize("report", [lambda *_: None, lambda archive, request: all_failed(request, 0x0112)])
def test_what_is_refused_and_not_held_stays_refused(deliver, report):
    with running(Archive(0xC000, report=report, event_type=2)) as archive, pytest.raises(RefusedError, match="0xC000"):
        deliver(archive, held_counts=True, patience=0.2)


def test_a_report_without_a_word_on_the_object(deliver):
    def silent(archive, request):
        request.ReferencedSOPSequence = []
        return all_committed(request)

    with running(Archive(report=silent)) as archive, pytest.raises(DeliveryError, match="without a word"):
        deliver(archive)


def test_an_archive_without_commitment_is_refused_before_anything_is_sent(deliver):
    with running(Archive(), commitment=False) as archive, pytest.raises(SetupError, match="no storage commitment"):
        deliver(archive)
    assert not archive.stored


def test_a_refused_object_is_not_committed(deliver):
    asked = []
    with (
        running(Archive(0xA700, report=lambda archive, request: asked.append(request))) as archive,
        pytest.raises(DeliveryError, match="0xA700"),
    ):
        deliver(archive)
    assert not asked


def test_several_threads_share_one_target(call, tmp_path):
    paths = [save_object(tmp_path) for _ in range(6)]
    receipts = {}
    with (
        running(Archive(same_association=False), maximum_associations=20) as archive,
        DimseTarget(call(archive), listen=Listening(port=0)) as target,
    ):
        archive.listener = target.listening_on

        def one(path):
            receipts[path] = target.deliver(path)

        threads = [threading.Thread(target=one, args=(path,)) for path in paths]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert receipts == {path: Receipt(uid_of(path), Confirmation.COMMITMENT) for path in paths}
    assert set(archive.stored) == {uid_of(path) for path in paths}


def test_an_echo_checks_it(call):
    with running(Archive()) as archive:
        target = DimseTarget(call(archive))
        target.check()
    with pytest.raises(DeliveryError, match="cannot be reached"):
        target.check()


def test_contradicting_choices(call):
    peer = call(Archive(port=104))
    with pytest.raises(InputError, match="DICOMweb"):
        DimseTarget(peer, Confirmation.QIDO)
    with pytest.raises(InputError, match="DICOMweb"):
        DimseTarget(peer, Confirmation.NONE, arrived=lambda path: None)
    with pytest.raises(InputError, match="one listener"):
        DimseTarget(peer, commitments=Commitments(), listen=Listening())


def test_reports_reach_the_title_that_asked(call):
    with pytest.raises(InputError, match="as SDSEG"):
        DimseTarget(call(Archive(port=104)), listen=Listening("OTHER", port=0))
