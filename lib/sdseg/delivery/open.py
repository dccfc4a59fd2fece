"""From an address to a destination."""

from __future__ import annotations

from pathlib import Path

from sdseg.delivery.credentials import Credentials
from sdseg.delivery.dicomweb_target import DicomWebTarget
from sdseg.delivery.folder_target import FolderTarget
from sdseg.delivery.target import Confirmation, Target
from sdseg.errors import InputError
from sdseg.pacs.archive import is_server


def open_target(
    address: str,
    *,
    confirm: Confirmation | None = None,
    credentials: Credentials | None = None,
) -> Target:
    """The destination at `dicom://CALLED_AET@host:port[?calling=SDSEG]`, `http(s)://host/dicom-web` or a folder.

    Nothing is asked yet, see `Target.check`.

    Args:
        address: where results go.
        confirm: how an arrival is confirmed; None: the strongest that this kind of destination has.
        credentials: login and TLS files; None: those of the environment.

    Raises InputError: malformed address, a confirmation that this kind of destination does not have, no such folder.
    """
    credentials = Credentials.from_environment() if credentials is None else credentials
    if is_server(address):
        return DicomWebTarget(address, credentials, confirm or Confirmation.QIDO)
    if "://" in address:
        scheme = address.partition("://")[0][:20]
        raise InputError(f"{scheme}:// is no kind of address to send to: use dicom://, https://, http:// or a folder.")
    if confirm is Confirmation.COMMITMENT:
        raise InputError("A folder has no storage commitment: leave it out, or send to a dicom:// address.")
    return FolderTarget(Path(address))
