"""A folder of DICOM files as destination."""

from __future__ import annotations

import os
from pathlib import Path

from sdseg.delivery.target import Confirmation, Receipt
from sdseg.errors import DeliveryError
from sdseg.pacs.deliver import store_file
from sdseg.pacs.folder_client import FolderClient
from sdseg.pacs.outgoing import Outgoing


class FolderTarget:
    """A `Target`: an object lands beside the series it refers to, on the disk (fsync) before `deliver` returns.

    Raises InputError: there is no such folder.
    """

    def __init__(self, folder: Path) -> None:
        self._client = FolderClient(folder)

    @property
    def name(self) -> str:
        return str(self._client.folder)

    def __repr__(self) -> str:
        return f"FolderTarget({self.name!r})"

    def check(self) -> None:
        folder = self._client.folder
        if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
            raise DeliveryError(f"The folder {folder} cannot be written: check that it is there, and its rights.")

    def deliver(self, path: Path) -> Receipt:
        self.check()
        stored = store_file(self._client, Outgoing.read(path))
        return Receipt(stored.sop_uid, Confirmation.QIDO, stored.already_there, stored.warning)
