"""Who answers DICOMweb requests: the folder, or the server behind ours."""

from weakref import WeakKeyDictionary

from sdseg.dicomweb.folder_origin import FolderOrigin
from sdseg.dicomweb.pacs_origin import PacsOrigin
from sdseg.errors import UnknownNameError
from sdseg.pacs.archive import Archive
from sdseg.pacs.folder_client import FolderClient
from sdseg_app.routes.access import running_app
from sdseg_app.stores.datastore import ArchiveDatastore

_origins: WeakKeyDictionary[Archive, FolderOrigin | PacsOrigin] = WeakKeyDictionary()


def archive_store() -> ArchiveDatastore:
    """Raises UnknownNameError: the studies are no DICOM."""
    store = running_app().datastore()
    if not isinstance(store, ArchiveDatastore):
        raise UnknownNameError("The studies of this server are no DICOM, so there is no DICOMweb; use /datastore/.")
    return store


def origin() -> FolderOrigin | PacsOrigin:
    """One for each archive: it remembers headers. Raises UnknownNameError."""
    archive = archive_store().archive
    known = _origins.get(archive)
    if known is None:
        known = FolderOrigin(archive) if isinstance(archive, FolderClient) else PacsOrigin(archive)
        _origins[archive] = known
    return known
