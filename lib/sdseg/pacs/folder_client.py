"""A folder of DICOM files behind dicomweb-client's interface, fit for a server that runs for weeks.

dicomweb-client's `DICOMfileClient` (0.61.2) answers searches from an SQLite index. Used as it is, one
malformed number in one header stops every search, only the thread that opened it may ask, files that come or
go later are not noticed, implicit VR files cannot be retrieved, and stored files appear half-written under a
name without extension. `FolderClient` keeps its searches and replaces indexing, retrieval and storing. It is
the only module that knows dicomweb-client's insides; tests/pacs fails when they change.
"""

import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, NoReturn, ParamSpec, TypeVar

import numpy as np
import pydicom
from dicomweb_client.api import DICOMfileClient
from pydicom import Dataset

from sdseg.dicom.files import read_file
from sdseg.errors import InputError, RefusedError
from sdseg.pacs.content import same_content
from sdseg.pacs.folder_index import INSTANCE_FIELDS, SERIES_FIELDS, STUDY_FIELDS, FolderIndex, IndexedFile
from sdseg.pacs.folder_store import copy_atomically, place_beside_source, same_bytes, same_files, write_atomically

# A search looks at the folder again when the last look is older than this.
REFRESH_SECONDS = 2.0
DUPLICATE_SOP_INSTANCE = 0x0111  # failure reason, PS3.4 annex GG.4.1

P = ParamSpec("P")
T = TypeVar("T")


class DuplicateError(RefusedError):
    """Another object lies under this UID."""


def _one_at_a_time(method: Callable[Concatenate[Any, P], T]) -> Callable[Concatenate[Any, P], T]:
    """The stock method on a fresh index, one thread after the other: they share one SQLite cursor."""

    @wraps(method)
    def call(self: "FolderClient", *args: P.args, **kwargs: P.kwargs) -> T:
        with self._lock:
            if time.monotonic() - self._looked > REFRESH_SECONDS:
                self.refresh()
            return method(self, *args, **kwargs)

    return call


class FolderClient(DICOMfileClient):
    """`folder` as an archive. Raises InputError when it is not a folder."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise InputError(f"{folder} is not a folder; give the folder that holds the DICOM files.")
        self.folder = folder.resolve()
        self._lock = threading.RLock()
        self._index = FolderIndex(self.folder)
        self._files: tuple[IndexedFile, ...] = ()
        # The stock client indexes as it opens and misreads '#' or '?' in a path: let it open an empty folder.
        with tempfile.TemporaryDirectory() as empty:
            super().__init__(url=f"file://{empty}", in_memory=True)
        self.base_url, self.url_prefix = self.folder.as_uri(), str(self.folder)
        self._db_manager.base_dir = self.folder
        self._share_connection()
        self.refresh()

    search_for_studies = _one_at_a_time(DICOMfileClient.search_for_studies)
    search_for_series = _one_at_a_time(DICOMfileClient.search_for_series)
    search_for_instances = _one_at_a_time(DICOMfileClient.search_for_instances)
    retrieve_series_metadata = _one_at_a_time(DICOMfileClient.retrieve_series_metadata)
    retrieve_instance_metadata = _one_at_a_time(DICOMfileClient.retrieve_instance_metadata)

    def refresh(self) -> None:
        """Notice files that came, went or changed."""
        with self._lock:
            self._looked = time.monotonic()
            if self._index.refresh():
                self._files = tuple(self._index.files)
                self._fill(self._index.files)

    def files(self) -> Sequence[IndexedFile]:
        """All files with their searchable fields, after a look at the folder; the same object while nothing changed."""
        with self._lock:
            if time.monotonic() - self._looked > REFRESH_SECONDS:
                self.refresh()
            return self._files

    def instance_paths(self, study_instance_uid: str, series_instance_uid: str) -> list[Path]:
        """The files of one series, in order of their paths; of several copies of an instance the last one."""
        found = {
            file.fields["SOPInstanceUID"]: file.path
            for file in self._index.files
            if file.fields["StudyInstanceUID"] == study_instance_uid
            and file.fields["SeriesInstanceUID"] == series_instance_uid
        }
        return sorted(found.values())

    def iter_series(
        self, study_instance_uid: str, series_instance_uid: str, media_types: Any = None
    ) -> Iterator[Dataset]:
        return (pydicom.dcmread(path) for path in self.instance_paths(study_instance_uid, series_instance_uid))

    def retrieve_instance(
        self,
        study_instance_uid: str,
        series_instance_uid: str,
        sop_instance_uid: str,
        media_types: Any = None,
    ) -> Dataset:
        with self._lock:
            path = self._db_manager.get_instance_file_path(study_instance_uid, series_instance_uid, sop_instance_uid)
        return pydicom.dcmread(path)

    def iter_instance_frames(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise NotImplementedError("Frame offsets are not indexed; retrieve the instance and take its pixel_array.")

    retrieve_instance_frames = iter_instance_frames

    def store_instances(self, datasets: Sequence[Dataset], study_instance_uid: str | None = None) -> Dataset:
        """Write each dataset beside the series it refers to.

        An instance that is already there with the same content counts as stored, one with other content as
        failed. Raises OSError when the folder cannot be written.
        """
        response = Dataset()
        response.RetrieveURL = None
        stored, failed = [], []
        with self._lock:
            for dataset in datasets:
                item = Dataset()
                item.ReferencedSOPClassUID = dataset.SOPClassUID
                item.ReferencedSOPInstanceUID = dataset.SOPInstanceUID
                self.refresh()
                present = self.instance_path(str(dataset.SOPInstanceUID))
                if present is None:
                    write_atomically(dataset, place_beside_source(dataset, self.folder, self._index.files))
                    stored.append(item)
                elif same_bytes(dataset, present):
                    stored.append(item)
                else:
                    item.FailureReason = DUPLICATE_SOP_INSTANCE
                    failed.append(item)
            self.refresh()
        response.ReferencedSOPSequence = stored
        if failed:
            response.FailedSOPSequence = failed
        return response

    def store_file(self, path: Path) -> Path:
        """File a copy of a whole DICOM file, to the last byte, beside the series it refers to, and tell its place.

        The same object, as `same_content` tells, stays as it is. Raises DuplicateError: another one lies under its
        UID; InputError: no DICOM file; OSError: the folder cannot be written.
        """
        header = pydicom.dcmread(path, stop_before_pixels=True)
        with self._lock:
            self.refresh()
            present = self.instance_path(str(header.SOPInstanceUID))
            if present is None:
                target = place_beside_source(header, self.folder, self._index.files)
                copy_atomically(path, target)
                self.refresh()
                return target
        if same_files(path, present) or same_content(read_file(path), read_file(present)):
            return present
        raise DuplicateError(f"Another object lies under the UID {header.SOPInstanceUID}; it was left as it is.")

    def instance_path(self, sop_instance_uid: str) -> Path | None:
        """The file of one instance, None where there is none."""
        for file in self._index.files:
            if file.fields["SOPInstanceUID"] == sop_instance_uid:
                return file.path
        return None

    def _share_connection(self) -> None:
        """Replace the index's connection by one that any thread may use (under our lock)."""
        shared = sqlite3.connect(":memory:", check_same_thread=False, detect_types=sqlite3.PARSE_DECLTYPES)
        shared.row_factory = sqlite3.Row
        own = self._db_manager._connection
        own.backup(shared)
        own.close()
        self._db_manager._db_connection_handle = shared
        self._db_manager._db_cursor_handle = None

    def _fill(self, files: list[IndexedFile]) -> None:
        manager = self._db_manager
        with manager._connection as connection:
            for table in ("instances", "series", "studies"):
                connection.execute(f"DELETE FROM {table}")
        no_offsets = (-1, np.zeros((0,), dtype=np.uint32))
        rows: Any = [
            (*file.values(INSTANCE_FIELDS), file.transfer_syntax, str(file.path), *no_offsets) for file in files
        ]
        manager._insert_into_db(
            [file.values(STUDY_FIELDS) for file in files],
            [file.values(SERIES_FIELDS) for file in files],
            rows,
        )
