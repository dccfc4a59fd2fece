"""Where a new DICOM file goes in a folder archive, and how it gets there."""

import filecmp
import shutil
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path

import pydicom
from pydicom import Dataset

from sdseg.durable import replacing
from sdseg.errors import InputError
from sdseg.pacs.folder_index import IndexedFile
from sdseg.pacs.uids import is_uid


def place_beside_source(dataset: Dataset, root: Path, files: Iterable[IndexedFile]) -> Path:
    """A path for `dataset` in a folder of its own, beside the folder of the series it refers to.

    It never lands among the source's own files: many readers take every file of a folder for one series.
    Without a known source it goes beside the rest of its study, and else directly below `root`.
    Raises InputError: a UID that is none; it would become a path.
    """
    for uid in (str(dataset.SeriesInstanceUID), str(dataset.SOPInstanceUID)):
        if not is_uid(uid):
            raise InputError(f"{uid!r} is not a DICOM UID (digits and dots, at most 64 characters).")
    modality = "".join(char for char in str(dataset.get("Modality") or "OT") if char.isalnum())[:16]
    folder = f"{modality}_{dataset.SeriesInstanceUID}"
    name = f"{dataset.SOPInstanceUID}.dcm"
    referenced = {str(item.SeriesInstanceUID) for item in dataset.get("ReferencedSeriesSequence") or []}
    study: Path | None = None
    for file in files:
        if file.fields["SeriesInstanceUID"] in referenced:
            return _beside(file.path.parent, root) / folder / name
        if study is None and file.fields["StudyInstanceUID"] == dataset.StudyInstanceUID:
            study = file.path.parent
    return _beside(study or root, root) / folder / name


def _beside(source: Path, root: Path) -> Path:
    return root if source == root else source.parent


def write_atomically(dataset: Dataset, path: Path) -> None:
    """Write a DICOM file which is there whole or not at all. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as stream:
        stream.write(_encode(dataset))


def copy_atomically(source: Path, path: Path) -> None:
    """Copy a file which is there whole or not at all. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as content, replacing(path) as stream:
        shutil.copyfileobj(content, stream)


def same_files(one: Path, other: Path) -> bool:
    """Whether two files are equal to the last byte."""
    return filecmp.cmp(one, other, shallow=False)


def same_bytes(dataset: Dataset, path: Path) -> bool:
    """Whether the file holds the dataset to the last byte."""
    return path.read_bytes() == _encode(dataset)


def _encode(dataset: Dataset) -> bytes:
    buffer = BytesIO()
    pydicom.dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()
