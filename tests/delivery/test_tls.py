"""https with certificates of our own making, on a real socket."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from delivery.web_pacs import WebPacs, web_pacs

from sdseg.delivery.credentials import Credentials
from sdseg.delivery.dicomweb_target import DicomWebTarget
from sdseg.errors import DeliveryError, InputError, SetupError
from sdseg.tls_files import TlsFiles


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def pacs(authority: trustme.CA) -> Iterator[WebPacs]:
    """It wants a certificate of whoever calls."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    with web_pacs(context) as running:
        yield running


def pem_files(folder: Path, authority: trustme.CA, issuer: trustme.CA) -> TlsFiles:
    """Trust in `authority`, and a certificate of ours by `issuer`."""
    ca, certificate, key = (folder / name for name in ("ca.pem", "own.pem", "own.key"))
    own = issuer.issue_cert("sender.example")
    authority.cert_pem.write_to_path(ca)
    own.private_key_pem.write_to_path(key)
    certificate.write_bytes(b"".join(blob.bytes() for blob in own.cert_chain_pems))
    return TlsFiles(ca, certificate, key)


def test_both_sides_show_certificates(
    pacs: WebPacs, authority: trustme.CA, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = pem_files(tmp_path, authority, authority)
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(other)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other))
    target = DicomWebTarget(pacs.url, Credentials("reader", "secret", tls=files))
    target.check()
    assert not target.deliver(file).already_there
    assert pacs.seen[-1][2]["Authorization"].startswith("Basic ")


def test_the_environment_names_the_files(
    pacs: WebPacs, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = pem_files(tmp_path, authority, authority)
    for name, path in (("CA", files.ca), ("CERTIFICATE", files.certificate), ("KEY", files.key)):
        monkeypatch.setenv(f"SDSEG_TLS_{name}", str(path))
    DicomWebTarget(pacs.url).check()


def test_an_unknown_server_is_not_told_anything(pacs: WebPacs, authority: trustme.CA, tmp_path: Path) -> None:
    files = pem_files(tmp_path, trustme.CA(), authority)
    before = len(pacs.seen)
    for tls in (files, TlsFiles()):
        with pytest.raises(SetupError, match="certificate that is not trusted: give its CA in SDSEG_TLS_CA"):
            DicomWebTarget(pacs.url, Credentials("reader", "secret", tls=tls)).check()
    assert len(pacs.seen) == before


def test_a_certificate_for_another_name_is_not_trusted(pacs: WebPacs, authority: trustme.CA, tmp_path: Path) -> None:
    files = pem_files(tmp_path, authority, authority)
    with pytest.raises(SetupError, match="certificate that is not trusted"):
        DicomWebTarget(pacs.url.replace("localhost", "127.0.0.1"), Credentials(tls=files)).check()


@pytest.mark.parametrize("shown", ["none", "by a stranger"])
def test_the_server_may_not_trust_us(pacs: WebPacs, authority: trustme.CA, tmp_path: Path, shown: str) -> None:
    files = pem_files(tmp_path, authority, trustme.CA())
    tls = TlsFiles(files.ca) if shown == "none" else files
    with pytest.raises(DeliveryError, match="SDSEG_TLS_CERTIFICATE and SDSEG_TLS_KEY"):
        DicomWebTarget(pacs.url, Credentials(tls=tls)).check()


def test_files_that_do_not_fit_are_named_before_anything_is_asked(
    pacs: WebPacs, authority: trustme.CA, tmp_path: Path
) -> None:
    files = pem_files(tmp_path, authority, authority)
    (tmp_path / "noise.pem").write_text("no certificate")
    other = authority.issue_cert("other")
    other.private_key_pem.write_to_path(tmp_path / "other.key")
    for tls, words in (
        (TlsFiles(tmp_path / "noise.pem"), "holds no certificate"),
        (TlsFiles(files.ca, files.certificate, tmp_path / "other.key"), "not a TLS certificate and its key"),
    ):
        with pytest.raises(InputError, match=words):
            DicomWebTarget(pacs.url, Credentials(tls=tls))


def test_plain_http_to_a_tls_port_is_one_sentence(pacs: WebPacs) -> None:
    with pytest.raises(DeliveryError, match="cannot be reached"):
        DicomWebTarget(pacs.url.replace("https", "http"), Credentials()).check()
