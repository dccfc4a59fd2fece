"""The audit log on disk: one JSON object a line, for its owner's eyes only, only ever appended to."""

import json
import logging
import os
import stat
from collections.abc import Mapping
from io import TextIOWrapper
from logging.handlers import WatchedFileHandler
from pathlib import Path
from typing import Any

from sdseg.errors import InputError


class AuditFile:
    """Lines go to `path`; when another program moved the file away, a new one is begun.

    JSON encodes line ends and every sign beyond ASCII, so an entry is one line whatever a request holds. When the disk
    is full the server's log tells so, and requests go on. Raises InputError when the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handler = _PrivateFile(path)
        except OSError as error:
            raise InputError(
                f"The audit log {path} cannot be written: {error.strerror}; name another with --conf audit_log."
            ) from error
        self._logger = logging.Logger("sdseg.audit")  # of its own: no other handler gets its lines
        self._logger.addHandler(handler)

    def write(self, entry: Mapping[str, Any]) -> None:
        self._logger.info("%s", json.dumps(entry, separators=(", ", ": ")))


class _PrivateFile(WatchedFileHandler):
    def __init__(self, path: Path) -> None:
        super().__init__(path, encoding="ascii")

    def _open(self) -> TextIOWrapper:
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        if stat.S_IMODE(os.fstat(descriptor).st_mode) & 0o077:
            os.fchmod(descriptor, 0o600)
        return os.fdopen(descriptor, "a", encoding="ascii")
