import threading
from dataclasses import replace

import pytest
from dimse.archive import COMMITMENT as CONTEXT
from dimse.archive import Archive, all_committed, all_failed, running
from dimse.objects import save_object
from pydicom import Dataset
from pydicom.uid import generate_uid
from pynetdicom import AE, evt
from pynetdicom.presentation import build_context
from pynetdicom.sop_class import StorageCommitmentPushModel, StorageCommitmentPushModelInstance, Verification

from sdseg.dimse.association import associated, echo
from sdseg.dimse.commitment import Commitments
from sdseg.dimse.contexts import listener_contexts
from sdseg.dimse.listener import Listening, listening, reports_listener
from sdseg.dimse.outcome import Outcome
from sdseg.dimse.peer import Peer
from sdseg.dimse.sent_file import SentFile
from sdseg.errors import DeliveryError, InputError, RefusedError, SetupError


@pytest.fixture
def book():
    return Commitments()


@pytest.fixture
def file(seg):
    return SentFile.read(seg)


def ask(book, peer, *files):
    """Ask over an association that is released at once."""
    with associated(peer, [CONTEXT], handlers=book.handlers) as association:
        return book.ask(association, peer, files)


def test_a_report_over_the_same_association(call, book, file):
    with running(Archive()) as archive:
        peer = call(archive)
        with associated(peer, [CONTEXT], handlers=book.handlers) as association:
            outcome = book.wait(book.ask(association, peer, [file]), 10)
            archive.reported.wait(10)
    assert outcome == Outcome(frozenset({file.sop_instance_uid}), {})
    assert archive.answers == [0x0000]


def test_an_association_is_not_released_before_its_report_is_answered(call, book, file):
    came, answer = threading.Event(), threading.Event()

    def slowly(event):
        came.set()
        answer.wait(10)
        return book.on_report(event)

    with running(Archive()) as archive:
        peer = call(archive)
        with associated(peer, [CONTEXT], handlers=[(evt.EVT_N_EVENT_REPORT, slowly)]) as association:
            book.ask(association, peer, [file])
            assert came.wait(10)
            threading.Timer(0.3, answer.set).start()
        assert archive.reported.wait(10)
    assert archive.answers == [0x0000]


def test_a_report_over_a_new_association_with_the_roles_turned_round(call, book, file):
    with reports_listener(book, Listening(port=0)) as port, running(Archive(same_association=False)) as archive:
        archive.listener = port
        outcome = book.wait(ask(book, call(archive), file), 10)
        archive.reported.wait(10)
    assert outcome is not None and outcome.committed == {file.sop_instance_uid}
    assert archive.answers == [0x0000]


def test_the_request_holds_what_the_standard_asks_for(call, book, tmp_path):
    seen = []
    files = [SentFile.read(save_object(tmp_path)) for _ in range(2)]
    with running(Archive(report=lambda archive, request: seen.append(request))) as archive:
        transaction = ask(book, call(archive), *files)
    (request,) = seen
    assert request.TransactionUID == transaction
    references = [(item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID) for item in request.ReferencedSOPSequence]
    assert references == [(file.sop_class, file.sop_instance_uid) for file in files]


def test_every_request_is_a_transaction_of_its_own(call, book, file):
    with running(Archive(report=lambda archive, request: None)) as archive:
        assert ask(book, call(archive), file) != ask(book, call(archive), file)


def test_a_failure_is_reported_with_its_reason(call, book, file):
    failing = Archive(report=lambda archive, request: all_failed(request, 0x0112), event_type=2)
    with running(failing) as archive, associated(call(archive), [CONTEXT], handlers=book.handlers) as association:
        outcome = book.wait(book.ask(association, call(archive), [file]), 10)
        archive.reported.wait(10)
    assert outcome == Outcome(frozenset(), {file.sop_instance_uid: 0x0112})


def test_no_report_in_time(call, book, file):
    with running(Archive(report=lambda archive, request: None)) as archive:
        transaction = ask(book, call(archive), file)
        assert book.wait(transaction, 0.1) is None


def test_a_late_report_is_answered_with_success_and_counts_once(call, book, file):
    requests = []
    quiet = Archive(report=lambda archive, request: requests.append(request))
    with reports_listener(book, Listening(port=0)) as port, running(quiet) as archive:
        archive.listener = port
        peer = call(archive)
        assert book.wait(ask(book, peer, file), 0.0) is None
        assert not book.claim_late(peer, file.sop_instance_uid)
        assert archive.send_report(all_committed(requests[0])) == 0x0000
    assert not book.claim_late(replace(peer, called="OTHER"), file.sop_instance_uid)
    assert not book.claim_late(replace(peer, host="127.0.0.2"), file.sop_instance_uid), "two may bear one title"
    assert not book.claim_late(peer, generate_uid())
    assert book.claim_late(peer, file.sop_instance_uid)
    assert not book.claim_late(peer, file.sop_instance_uid)


def test_what_was_waited_for_is_not_claimed_as_late(call, book, file):
    with running(Archive()) as archive, associated(call(archive), [CONTEXT], handlers=book.handlers) as association:
        assert book.wait(book.ask(association, call(archive), [file]), 10) is not None
        archive.reported.wait(10)
        assert not book.claim_late(call(archive), file.sop_instance_uid)


def test_a_second_report_of_a_transaction_changes_nothing(call, book, file):
    requests = []
    with reports_listener(book, Listening(port=0)) as port, running(Archive()) as archive:
        archive.report, archive.listener = lambda archive, request: requests.append(request), port
        transaction = ask(book, call(archive), file)
        assert archive.send_report(all_committed(requests[0])) == 0x0000
        assert archive.send_report(all_failed(requests[0], 0x0112), 2) == 0x0000
    outcome = book.wait(transaction, 0)
    assert outcome is not None and outcome.committed == {file.sop_instance_uid}


def test_only_what_was_asked_for_is_believed(call, book, tmp_path):
    """A report that also speaks of another object, or of none, commits to nothing else."""
    file, other = (SentFile.read(save_object(tmp_path)) for _ in range(2))
    requests = []
    with reports_listener(book, Listening(port=0)) as port, running(Archive()) as archive:
        archive.report, archive.listener = lambda archive, request: requests.append(request), port
        transaction = ask(book, call(archive), file)
        requests[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID = other.sop_instance_uid
        archive.send_report(all_committed(requests[0]))
    assert book.wait(transaction, 0) == Outcome(frozenset(), {})


def test_an_instance_that_is_both_committed_and_failed_is_failed():
    information = Dataset()
    item = Dataset()
    item.ReferencedSOPInstanceUID = "1.2.3"
    information.ReferencedSOPSequence = [item]
    information.FailedSOPSequence = [item]
    assert Outcome.of(information) == Outcome(frozenset(), {"1.2.3": 0x0110})


def unknown() -> Dataset:
    information = Dataset()
    information.TransactionUID = generate_uid()
    return information


def without_transaction() -> Dataset:
    information = Dataset()
    information.ReferencedSOPSequence = []
    return information


def without_reference(transaction: str) -> Dataset:
    information = Dataset()
    information.TransactionUID = transaction
    information.ReferencedSOPSequence = [Dataset()]
    return information


def test_reports_that_make_no_sense_are_answered_with_why(call, book, file):
    with reports_listener(book, Listening(port=0)) as port, running(Archive(report=lambda *_: None)) as archive:
        archive.listener = port
        transaction = ask(book, call(archive), file)
        assert archive.send_report(unknown()) == 0x0115
        assert archive.send_report(without_transaction()) == 0x0114
        assert archive.send_report(unknown(), event_type=3) == 0x0113
        assert archive.send_report(without_reference(transaction)) == 0x0115
        assert book.wait(transaction, 0) is None


def test_a_report_on_another_instance_than_the_well_known_one(book):
    with reports_listener(book, Listening(port=0)) as port:
        ae = AE()
        association = ae.associate("127.0.0.1", port, contexts=[CONTEXT], ae_title="SDSEG")
        answer, _ = association.send_n_event_report(unknown(), 1, StorageCommitmentPushModel, "1.2.3")
        association.release()
    assert answer.Status == 0x0112


def test_we_commit_to_nothing_ourselves(book):
    with reports_listener(book, Listening(port=0)) as port:
        association = AE().associate("127.0.0.1", port, contexts=[CONTEXT], ae_title="SDSEG")
        answer, _ = association.send_n_action(
            unknown(), 1, StorageCommitmentPushModel, StorageCommitmentPushModelInstance
        )
        association.release()
    assert answer.Status == 0x0123


def test_the_nodes_listener_takes_reports_too(call, book, file):
    ae = AE(ae_title="SDSEG")
    where = Listening(port=0)
    with (
        listening(ae, where, listener_contexts(), book.handlers) as port,
        running(Archive(same_association=False)) as archive,
    ):
        archive.listener = port
        assert book.wait(ask(book, call(archive), file), 10) is not None
        archive.reported.wait(10)


@pytest.mark.parametrize(("status", "final"), [(0x0123, True), (0x0122, True), (0x0110, False), (0x0213, False)])
def test_a_request_that_is_not_taken(call, book, file, status, final):
    with running(Archive(action_status=status)) as archive:
        with pytest.raises(DeliveryError, match=f"0x{status:04X}") as caught:
            ask(book, call(archive), file)
        assert isinstance(caught.value, RefusedError) == final


def test_an_archive_without_storage_commitment(call, book, file):
    with (
        running(Archive(), commitment=False) as archive,
        pytest.raises(SetupError, match="does no storage commitment"),
        associated(call(archive), [CONTEXT, build_context(Verification)]) as association,
    ):
        book.ask(association, call(archive), [file])


def test_the_oldest_transactions_are_forgotten(call, tmp_path):
    book = Commitments(keep=2)
    file = SentFile.read(save_object(tmp_path))
    requests = []
    with reports_listener(book, Listening(port=0)) as port, running(Archive()) as archive:
        archive.report, archive.listener = lambda archive, request: requests.append(request), port
        for _ in range(3):
            ask(book, call(archive), file)
        statuses = [archive.send_report(all_committed(request)) for request in requests]
    assert statuses == [0x0115, 0x0000, 0x0000]


def test_many_threads_share_one_book(call, book, tmp_path):
    files = [SentFile.read(save_object(tmp_path)) for _ in range(8)]
    outcomes = {}
    with (
        reports_listener(book, Listening(port=0)) as port,
        running(Archive(same_association=False), maximum_associations=20) as archive,
    ):
        archive.listener = port
        peer = call(archive)

        def one(file):
            outcomes[file.sop_instance_uid] = book.wait(ask(book, peer, file), 20)

        threads = [threading.Thread(target=one, args=(file,)) for file in files]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert {uid: outcome.committed for uid, outcome in outcomes.items()} == {
        file.sop_instance_uid: {file.sop_instance_uid} for file in files
    }


def test_the_listener_answers_an_echo_to_its_own_title_only(book):
    with reports_listener(book, Listening("MY AI", port=0)) as port:
        echo(Peer("MY AI", "127.0.0.1", port))
        with pytest.raises(SetupError, match="its AE title is not YOUR AI"):
            echo(Peer("YOUR AI", "127.0.0.1", port))


def test_a_port_that_is_taken(book):
    with (
        reports_listener(book, Listening(port=0)) as port,
        pytest.raises(InputError, match=f"No DICOM listener is possible on 127.0.0.1:{port}"),
        reports_listener(book, Listening(port=port)),
    ):
        pass


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_is_none(port):
    with pytest.raises(InputError, match="Port"):
        Listening(port=port)
