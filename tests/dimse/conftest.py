from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme
from dimse.archive import Archive
from dimse.objects import save_object

from sdseg.dimse.peer import Peer, Timeouts
from sdseg.tls_files import TlsFiles

QUICK = Timeouts(connect=5.0, acse=5.0, dimse=5.0, network=5.0)


@pytest.fixture
def seg(tmp_path: Path) -> Path:
    return save_object(tmp_path)


@pytest.fixture
def call() -> Callable[..., Peer]:
    """`call(archive, dimse=1.0)`: the peer that reaches an archive of these tests."""

    def peer(archive: Archive, tls: TlsFiles | None = None, **seconds: float) -> Peer:
        timeouts = Timeouts(**{**vars(QUICK), **seconds})
        return Peer("ARCHIVE", "127.0.0.1", archive.port, tls=tls, timeouts=timeouts)

    return peer


@dataclass(frozen=True)
class Pki:
    """An authority and what it signed: for a server at 127.0.0.1, for us, and for a server of another name."""

    ca: Path
    server: TlsFiles
    ours: TlsFiles
    elsewhere: TlsFiles


def _issue(authority: trustme.CA, folder: Path, name: str, *identities: str) -> TlsFiles:
    folder.mkdir(exist_ok=True)
    issued = authority.issue_cert(*identities)
    ca, certificate, key = folder / "ca.pem", folder / f"{name}.pem", folder / f"{name}.key"
    authority.cert_pem.write_to_path(ca)
    certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(key)
    return TlsFiles(ca, certificate, key)


def _pki(folder: Path) -> Pki:
    authority = trustme.CA()
    server = _issue(authority, folder, "server", "127.0.0.1", "localhost")
    assert server.ca is not None
    return Pki(
        server.ca,
        server,
        _issue(authority, folder, "ours", "sdseg.example.org"),
        _issue(authority, folder, "elsewhere", "elsewhere.example.org"),
    )


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return _pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="session")
def other_pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    """The certificates of an authority that nobody trusts."""
    return _pki(tmp_path_factory.mktemp("other-pki"))
