"""The PEM files of an encrypted connection, over HTTPS and over DICOM alike."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sdseg.errors import InputError


@dataclass(frozen=True)
class TlsFiles:
    """PEM files of a mutually authenticated connection. `key` belongs to `certificate`; both or neither.

    Raises InputError: a file is missing.
    """

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def __post_init__(self) -> None:
        if (self.certificate is None) != (self.key is None):
            raise InputError("TLS needs the certificate and its key, or neither: give both files.")
        for path in (self.ca, self.certificate, self.key):
            if path is not None and not path.is_file():
                raise InputError(f"{path} is not there: give the PEM files of the TLS connection.")
