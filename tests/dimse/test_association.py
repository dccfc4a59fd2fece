import socket
import threading

import pytest
from dimse.archive import Archive, running
from dimse.objects import PATIENT
from pydicom.uid import CTImageStorage, MRImageStorage
from pynetdicom import evt
from pynetdicom.presentation import build_context

from sdseg.dimse.association import associated, echo
from sdseg.dimse.peer import Peer, Timeouts
from sdseg.dimse.store import store_files
from sdseg.errors import DeliveryError, RefusedError, SetupError
from sdseg.serving.launch import free_port

CT = build_context(CTImageStorage)


@pytest.fixture
def silent():
    """A port that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def test_an_archive_answers_an_echo(call):
    with running(Archive()) as archive:
        echo(call(archive))
    assert archive.associations == 1


def test_exactly_the_contexts_wanted_are_proposed(call):
    with running(Archive()) as archive, associated(call(archive), [CT]) as association:
        assert [each.abstract_syntax for each in association.accepted_contexts] == [CTImageStorage]
    assert archive.proposed == [(CTImageStorage, tuple(CT.transfer_syntax))]


def test_nothing_listens():
    peer = Peer("ARCHIVE", "127.0.0.1", free_port())
    with pytest.raises(DeliveryError, match="cannot be reached \\(Connection refused\\)") as caught:
        echo(peer)
    assert not isinstance(caught.value, RefusedError)
    assert peer.name in str(caught.value)


def test_a_host_without_address():
    with pytest.raises(DeliveryError, match="not known here"):
        echo(Peer("ARCHIVE", "no-such-host.invalid", 104))


def test_a_host_that_is_no_name():
    with pytest.raises(DeliveryError, match="not known here"):
        echo(Peer("ARCHIVE", "a..b" + 70 * "c", 104))


def test_an_archive_that_comes_up_in_the_meantime_is_reached(call):
    archive = Archive(port=free_port())

    def pauses():
        """Asked for before the first attempt and before the second: then the archive is there."""
        yield 0.0
        with running(archive):
            yield 0.0

    with pytest.raises(DeliveryError, match="refused"):
        echo(call(archive), pauses=())
    echo(call(archive), pauses=pauses())
    assert archive.associations == 1


def test_a_wrong_called_title_is_refused_for_good(call):
    with running(Archive(), require_called_aet=True) as archive:
        peer = Peer("WRONG", "127.0.0.1", archive.port)
        with pytest.raises(SetupError, match="its AE title is not WRONG"):
            echo(peer, pauses=(0.0, 0.0))
    assert archive.associations == 1


def test_an_unknown_calling_title_is_refused_for_good(call):
    with (
        running(Archive(), require_calling_aet=["SOMEBODY"]) as archive,
        pytest.raises(SetupError, match="does not know our AE title SDSEG"),
    ):
        echo(call(archive))


def test_a_rejection_that_is_read_late(call):
    """The connection is closed before the requestor looks at it: the rejection came all the same."""
    rejected = threading.Event()
    closing = (evt.EVT_CONN_CLOSE, lambda event: rejected.set())
    waiting = (evt.EVT_REQUESTED, lambda event: rejected.wait(10))
    with (
        running(Archive(), require_calling_aet=["SOMEBODY"]) as archive,
        pytest.raises(SetupError, match="does not know our AE title SDSEG"),
        associated(call(archive), [CT], handlers=[closing, waiting]),
    ):
        pytest.fail("an association was established")


def test_a_busy_archive_is_asked_again_and_then_left(call):
    with running(Archive(), maximum_associations=1) as archive, associated(call(archive), [CT]):
        with pytest.raises(DeliveryError, match="limit of associations; try again") as caught:
            echo(call(archive), pauses=(0.0, 0.0))
        assert not isinstance(caught.value, RefusedError)
    assert archive.associations == 1 + 3


def test_no_accepted_context_is_refused_by_the_name_of_the_class(call):
    only_mr = [build_context(MRImageStorage)]
    with (
        running(Archive(), only_mr) as archive,
        pytest.raises(RefusedError, match="accepts none of CT Image Storage"),
        associated(call(archive), [CT]),
    ):
        pass


def test_a_port_that_says_nothing_is_given_up(silent):
    peer = Peer("ARCHIVE", "127.0.0.1", silent.getsockname()[1], timeouts=Timeouts(acse=0.3))
    with pytest.raises(DeliveryError, match=r"did not answer .* within 0\.3 seconds"):
        echo(peer)


def test_a_connection_that_is_closed_at_once(silent):
    def hang_up():
        connection, _ = silent.accept()
        connection.close()

    thread = threading.Thread(target=hang_up)
    thread.start()
    with pytest.raises(DeliveryError, match="aborted the association before it answered"):
        echo(Peer("ARCHIVE", "127.0.0.1", silent.getsockname()[1], timeouts=Timeouts(acse=5)))
    thread.join()


def test_a_port_that_speaks_http(silent):
    def answer():
        connection, _ = silent.accept()
        with connection:
            connection.recv(100)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    thread = threading.Thread(target=answer)
    thread.start()
    with pytest.raises(DeliveryError, match=str(silent.getsockname()[1])):
        echo(Peer("ARCHIVE", "127.0.0.1", silent.getsockname()[1], timeouts=Timeouts(acse=5)))
    thread.join()


def test_an_association_that_is_aborted_as_soon_as_it_is_open(call):
    """It was accepted, so it is no refusal, whichever side notices first."""
    for _ in range(5):
        with running(Archive(on_established=lambda event: event.assoc.abort(block=False))) as archive:
            peer = call(archive)
            with pytest.raises(DeliveryError, match="aborted the association") as caught:
                echo(peer)
            assert not isinstance(caught.value, RefusedError)


def test_an_error_in_the_block_aborts_the_association(call):
    aborted = threading.Event()
    with (
        running(Archive()) as archive,
        pytest.raises(RuntimeError, match="ours"),
        associated(call(archive), [CT]) as association,
    ):
        association.bind(evt.EVT_ABORTED, lambda event: aborted.set())
        raise RuntimeError("ours")
    assert aborted.is_set()


def test_pynetdicom_says_nothing_of_a_patient(call, seg, caplog):
    caplog.set_level("DEBUG")
    with running(Archive()) as archive:
        store_files(call(archive), [seg])
    assert archive.stored
    assert PATIENT not in caplog.text
    assert "Secret" not in caplog.text
