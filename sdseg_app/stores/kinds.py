"""The two kinds of datastore that this app opens; both keep every annotator's labels."""

from typing import TypeAlias

from monailabel.interfaces.datastore import Datastore

from sdseg.errors import InputError
from sdseg_app.stores.datastore import ArchiveDatastore
from sdseg_app.stores.local_store import LocalImageStore

LabelDatastore: TypeAlias = ArchiveDatastore | LocalImageStore


def with_labels(store: Datastore) -> LabelDatastore:
    """The app's datastore as what it is. Raises InputError: another one, which keeps no annotators apart."""
    if not isinstance(store, ArchiveDatastore | LocalImageStore):
        raise InputError("This datastore keeps no labels of annotators; start the server with --studies.")
    return store
