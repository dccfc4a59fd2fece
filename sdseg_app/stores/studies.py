"""From `--studies` to a datastore."""

from collections.abc import Callable
from pathlib import Path

from sdseg.corrections.home import home_of, note_server
from sdseg.delivery.credentials import Credentials
from sdseg.errors import InputError
from sdseg.model.card import ModelCard
from sdseg.pacs.archive import is_server, open_archive
from sdseg.pacs.folder_client import FolderClient
from sdseg.pacs.search import list_image_series
from sdseg_app.config.learning import LearningSettings
from sdseg_app.stores.datastore import ArchiveDatastore
from sdseg_app.stores.learning import choice_of
from sdseg_app.stores.local_store import LocalImageStore, holds_local_images


def open_datastore(
    studies: str, model_dir: Path, card: Callable[[], ModelCard], learning: LearningSettings | None = None
) -> ArchiveDatastore | LocalImageStore:
    """The store for a DICOMweb URL, a folder of DICOM, or a folder of NIfTI, NRRD or pictures.

    Labels and fetched images of an archive are kept below `model_dir`, never among the DICOM files; MONAI Label's
    own store keeps the labels of the other kinds beside the images, as its users expect, and all their versions below
    `model_dir` too. `learning` is noted with them, for `sdseg train --from-datastore`.
    Raises InputError or DeliveryError, which say what is wrong with `studies`.
    """
    store = _open(studies, model_dir, card)
    address = str(store.archive.base_url) if isinstance(store, ArchiveDatastore) else str(Path(studies).resolve())
    if isinstance(store, ArchiveDatastore) and isinstance(store.archive, FolderClient):
        address = str(store.archive.folder)
    note_server(store.labels.book, address, choice_of(learning or LearningSettings()))
    return store


def _open(studies: str, model_dir: Path, card: Callable[[], ModelCard]) -> ArchiveDatastore | LocalImageStore:
    modalities = card().modalities
    if not is_server(studies):
        folder = Path(studies)
        if not folder.is_dir():
            raise InputError(f"The studies folder {folder} does not exist; check --studies.")
        client = FolderClient(folder)
        if not client.search_for_series(limit=1):
            if holds_local_images(folder):
                return LocalImageStore(folder, lambda: card().labels, home_of(model_dir, folder.resolve().as_uri()))
            raise InputError(
                f"The studies folder {folder} holds no DICOM, NIfTI, NRRD, PNG or JPEG image; check --studies "
                "(MONAI Label makes an empty folder of one that does not exist)."
            )
        if not list_image_series(client, modalities):
            others = sorted({key.modality for key in list_image_series(client)}) or ["none"]
            raise InputError(
                f"The studies folder {folder} holds no series of modality {' or '.join(modalities)}, "
                f"for which the model was made; image series there: {', '.join(others)}."
            )
        archive = client
    else:
        archive = open_archive(studies, Credentials.from_environment().session())
    home = home_of(model_dir, str(archive.base_url))
    return ArchiveDatastore(archive, home, modalities, lambda: card().labels)
