"""From an address to a destination."""

from __future__ import annotations

from pathlib import Path

from sdseg.delivery.credentials import Credentials
from sdseg.delivery.dicomweb_target import DicomWebTarget
from sdseg.delivery.dimse_target import PATIENCE, DimseTarget
from sdseg.delivery.folder_target import FolderTarget
from sdseg.delivery.target import Confirmation, Target
from sdseg.dimse.commitment import Commitments
from sdseg.dimse.listener import Listening
from sdseg.dimse.peer import Peer, is_dicom_address
from sdseg.errors import InputError
from sdseg.pacs.archive import is_server
from sdseg.tls_files import TlsFiles


def open_target(
    address: str,
    *,
    confirm: Confirmation | None = None,
    credentials: Credentials | None = None,
    secure: bool | None = None,
    dicomweb: str | None = None,
    commitments: Commitments | None = None,
    listen: Listening | None = None,
    patience: float = PATIENCE,
) -> Target:
    """The destination at `dicom://CALLED_AET@host:port[?calling=SDSEG]`, `http(s)://host/dicom-web` or a folder.

    Nothing is asked yet, see `Target.check`. All but the first three concern dicom:// addresses alone.

    Args:
        address: where results go.
        confirm: how an arrival is confirmed; None: the strongest that this kind of destination has.
        credentials: login and TLS files; None: those of the environment.
        secure: TLS for dicom://; None: where there are TLS files.
        dicomweb: DICOMweb address of the same archive, to confirm by QIDO what was sent by C-STORE.
        commitments, listen, patience: of storage commitment, see `DimseTarget`.

    Raises InputError: malformed address, a confirmation that this kind of destination does not have, no such folder.
    """
    credentials = Credentials.from_environment() if credentials is None else credentials
    if is_dicom_address(address):
        arrived = DicomWebTarget(dicomweb, credentials).require if dicomweb else None
        confirm = confirm or (Confirmation.QIDO if arrived else Confirmation.COMMITMENT)
        return DimseTarget(
            Peer.parse(address, tls=_dimse_tls(credentials.tls, secure)),
            confirm,
            commitments=commitments,
            listen=listen,
            arrived=arrived if confirm is Confirmation.QIDO else None,
            patience=patience,
        )
    if is_server(address):
        return DicomWebTarget(address, credentials, confirm or Confirmation.QIDO)
    if "://" in address:
        scheme = address.partition("://")[0][:20]
        raise InputError(f"{scheme}:// is no kind of address to send to: use dicom://, https://, http:// or a folder.")
    if confirm is Confirmation.COMMITMENT:
        raise InputError("A folder has no storage commitment: leave it out, or send to a dicom:// address.")
    return FolderTarget(Path(address))


def _dimse_tls(files: TlsFiles, secure: bool | None) -> TlsFiles | None:
    """The files, or None for a connection that is not encrypted."""
    given = files != TlsFiles()
    return files if (given if secure is None else secure) else None
