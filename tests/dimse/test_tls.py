import ssl

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from dimse.archive import Archive, running

from sdseg.dimse.association import echo
from sdseg.dimse.peer import Peer
from sdseg.errors import DeliveryError, InputError
from sdseg.tls import client_context, server_context
from sdseg.tls_files import TlsFiles


@pytest.fixture
def secure(pki):
    """A context of an archive's server, made without our code: who calls must show a certificate of the CA."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=pki.ca)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(pki.server.certificate, pki.server.key)
    return context


def test_both_sides_show_who_they_are(call, secure, pki):
    with running(Archive(), ssl_context=secure) as archive:
        echo(call(archive, pki.ours))
    assert archive.associations == 1


def test_an_archive_of_an_authority_that_is_not_ours(call, secure, pki, other_pki):
    files = TlsFiles(other_pki.ca, pki.ours.certificate, pki.ours.key)
    with (
        running(Archive(), ssl_context=secure) as archive,
        pytest.raises(DeliveryError, match=r"certificate that is not accepted .*CA file"),
    ):
        echo(call(archive, files))
    assert archive.associations == 0


def test_an_archive_that_does_not_know_our_authority(call, secure, pki, other_pki):
    files = TlsFiles(pki.ca, other_pki.ours.certificate, other_pki.ours.key)
    with running(Archive(), ssl_context=secure) as archive, pytest.raises(DeliveryError, match="our certificate"):
        echo(call(archive, files))
    assert archive.associations == 0


def test_no_certificate_of_ours(call, secure, pki):
    with running(Archive(), ssl_context=secure) as archive, pytest.raises(DeliveryError, match="our certificate"):
        echo(call(archive, TlsFiles(pki.ca)))
    assert archive.associations == 0


def test_an_archive_that_speaks_no_tls(call, pki):
    with running(Archive(), acse_timeout=0.5) as archive, pytest.raises(DeliveryError, match="TLS"):
        echo(call(archive, pki.ours))


def test_an_archive_that_wants_tls(call, secure):
    with running(Archive(), ssl_context=secure) as archive, pytest.raises(DeliveryError, match="aborted"):
        echo(call(archive))


def test_an_address_needs_no_certificate_of_its_own_but_a_name_does(secure, pki):
    """Of the authority given, a certificate with another name is believed at an IP address, and not at a name."""
    secure.load_cert_chain(pki.elsewhere.certificate, pki.elsewhere.key)
    with running(Archive(), ssl_context=secure) as archive:
        echo(Peer("ARCHIVE", "127.0.0.1", archive.port, tls=pki.ours))
        with pytest.raises(DeliveryError, match=r"not accepted .*[Hh]ostname mismatch"):
            echo(Peer("ARCHIVE", "localhost", archive.port, tls=pki.ours))
    secure.load_cert_chain(pki.server.certificate, pki.server.key)
    with running(Archive(), ssl_context=secure) as archive:
        echo(Peer("ARCHIVE", "localhost", archive.port, tls=pki.ours))


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_old_versions_are_not_spoken(call, secure, pki):
    secure.minimum_version, secure.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with running(Archive(), ssl_context=secure) as archive, pytest.raises(DeliveryError, match="did not agree on TLS"):
        echo(call(archive, pki.ours))
    assert server_context(pki.server).minimum_version == ssl.TLSVersion.TLSv1_2


def test_without_a_ca_file_even_an_address_must_be_in_the_certificate():
    assert client_context(TlsFiles(), "10.0.0.1").check_hostname
    assert client_context(TlsFiles(), "10.0.0.1").verify_mode is ssl.CERT_REQUIRED


def test_a_listener_asks_callers_for_their_certificate(pki):
    assert server_context(pki.server).verify_mode is ssl.CERT_REQUIRED
    with pytest.raises(InputError, match="all three"):
        server_context(TlsFiles(pki.ca))
    with pytest.raises(InputError, match="all three"):
        server_context(TlsFiles(None, pki.server.certificate, pki.server.key))


def test_files_that_do_not_fit(tmp_path, pki):
    rubbish = tmp_path / "rubbish.pem"
    rubbish.write_text("no PEM")
    with pytest.raises(InputError, match="no certificate of a TLS authority"):
        client_context(TlsFiles(rubbish), "h")
    with pytest.raises(InputError, match="belong together"):
        client_context(TlsFiles(pki.ca, pki.ours.certificate, pki.server.key), "h")


def test_a_locked_key_is_an_error_and_no_question(tmp_path, pki):
    key = load_pem_private_key(pki.ours.key.read_bytes(), None)
    locked = tmp_path / "locked.key"
    locked.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")))
    with pytest.raises(InputError, match="without a password"):
        client_context(TlsFiles(pki.ca, pki.ours.certificate, locked), "h")
