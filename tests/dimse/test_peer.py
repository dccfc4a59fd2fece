import pytest

from sdseg.dimse.peer import Peer, Timeouts, ae_title, is_dicom_address
from sdseg.errors import InputError


def test_an_address_says_whom_to_call_and_as_whom():
    peer = Peer.parse("dicom://ORTHANC@pacs.example.org:4242")
    assert (peer.called, peer.host, peer.port, peer.calling) == ("ORTHANC", "pacs.example.org", 4242, "SDSEG")
    assert Peer.parse("dicom://ORTHANC@10.0.0.7:104?calling=AI%20NODE").calling == "AI NODE"


def test_an_ip_version_6_address_keeps_its_brackets_in_the_name():
    peer = Peer.parse("dicom://A@[::1]:104")
    assert peer.host == "::1"
    assert peer.name == "dicom://A@[::1]:104"
    assert Peer.parse(peer.name) == peer


def test_the_name_can_be_parsed_again():
    peer = Peer("MY PACS", "h", 104)
    assert Peer.parse(peer.name) == peer


@pytest.mark.parametrize(
    "address",
    [
        "http://ORTHANC@host:104",
        "dicom://host:104",
        "dicom://ORTHANC@host",
        "dicom://ORTHANC@:104",
        "dicom://ORTHANC@host:port",
        "dicom://ORTHANC@host:0",
        "dicom://ORTHANC@host:70000",
        "dicom://ORTHANC:secret@host:104",
        "dicom://ORTHANC@host:104/path",
        "dicom://ORTHANC@host:104?called=A",
        "dicom://ORTHANC@host:104?calling=A&calling=B",
        "dicom://ORTHANC@host:104?calling=",
        "dicom://SEVENTEEN_LETTERS@host:104",
    ],
)
def test_what_is_no_address_is_refused_in_one_sentence(address):
    with pytest.raises(InputError) as caught:
        Peer.parse(address)
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("title", ["", "   ", "SEVENTEEN_LETTERS", "A\\B", "TAB\tTITLE", "NAÏVE", "A\n"])
def test_what_is_no_ae_title_is_refused(title):
    with pytest.raises(InputError, match="AE title"):
        ae_title(title)


def test_spaces_around_an_ae_title_do_not_count():
    assert ae_title("  SDSEG ") == "SDSEG"
    assert ae_title("SIXTEEN_LETTERS_") == "SIXTEEN_LETTERS_"


@pytest.mark.parametrize("host", ["", "two words"])
def test_a_peer_has_a_host(host):
    with pytest.raises(InputError, match="host"):
        Peer("A", host, 104)


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan")])
def test_timeouts_are_above_zero(seconds):
    with pytest.raises(InputError, match="dimse"):
        Timeouts(dimse=seconds)


def test_dicom_addresses_are_told_from_others():
    assert is_dicom_address("dicom://A@h:1")
    assert is_dicom_address("DICOM://A@h:1")
    assert not is_dicom_address("https://h/dicom-web")
