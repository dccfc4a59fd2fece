"""Opening an archive: a folder of DICOM files or a DICOMweb server, one interface (dicomweb-client's)."""

from pathlib import Path
from typing import TypeAlias

import requests

from sdseg.pacs.asking import asking
from sdseg.pacs.folder_client import FolderClient
from sdseg.pacs.server_client import ServerClient, connect

Archive: TypeAlias = ServerClient | FolderClient

# Media types of a retrieval: DICOM files in whatever transfer syntax the archive keeps them.
AS_STORED = (("application/dicom", "*"),)
# Of one question: somebody who waits for an image should not meet a moment's failure.
_ATTEMPTS = 3


def is_server(studies: str) -> bool:
    return studies.lower().startswith(("http://", "https://"))


def open_archive(studies: str, session: requests.Session | None = None) -> Archive:
    """The archive at `studies`, a folder or a DICOMweb URL.

    `session` brings credentials and certificates (`Credentials.session` of sdseg.delivery); those in the URL go
    before. Path prefixes come from MONAI_LABEL_QIDO_PREFIX, MONAI_LABEL_WADO_PREFIX and MONAI_LABEL_STOW_PREFIX,
    the names that MONAI Label itself uses.
    Raises InputError (no such folder, malformed URL), DeliveryError (no answer).
    """
    if not is_server(studies):
        return FolderClient(Path(studies))
    client = connect(studies, session, attempts=_ATTEMPTS)
    with asking(client, "opening it"):
        client.search_for_studies(limit=1)
    return client
