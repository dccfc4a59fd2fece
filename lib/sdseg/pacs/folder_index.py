"""Which DICOM files lie below a folder, and the header fields a search may ask for."""

import logging
import os
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError

from sdseg.pacs.links import leads_out

logger = logging.getLogger(__name__)

STUDY_FIELDS = (
    "StudyInstanceUID", "StudyID", "StudyDate", "StudyTime", "PatientName", "PatientID", "PatientSex",
    "PatientBirthDate", "ReferringPhysicianName",
)  # fmt: skip
SERIES_FIELDS = ("StudyInstanceUID", "SeriesInstanceUID", "Modality", "AccessionNumber", "SeriesNumber")
INSTANCE_FIELDS = (
    "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID", "InstanceNumber", "Rows",
    "Columns", "NumberOfFrames", "BitsAllocated", "BitsStored", "SamplesPerPixel",
    "PhotometricInterpretation", "PixelRepresentation", "PlanarConfiguration",
)  # fmt: skip
_NUMBERS = frozenset({
    "SeriesNumber", "InstanceNumber", "Rows", "Columns", "NumberOfFrames", "BitsAllocated", "BitsStored",
    "SamplesPerPixel", "PixelRepresentation", "PlanarConfiguration",
})  # fmt: skip
_READ = sorted({*STUDY_FIELDS, *SERIES_FIELDS, *INSTANCE_FIELDS})
_IDENTIFIERS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID")
# What pydicom raises on a damaged file or value.
_UNREADABLE = (InvalidDicomError, EOFError, OSError, ValueError, TypeError, NotImplementedError, struct.error)


@dataclass(frozen=True)
class IndexedFile:
    """One DICOM file and its searchable fields; a field that is absent or malformed is None."""

    path: Path
    transfer_syntax: str
    fields: dict[str, str | int | None]

    def values(self, keywords: Sequence[str]) -> tuple[Any, ...]:
        return tuple(self.fields[keyword] for keyword in keywords)


class FolderIndex:
    """The DICOM (Part 10) files below `folder`. Hidden files and folders, links that lead out and
    anything else are left out."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[Path, tuple[tuple[int, int], IndexedFile | None]] = {}

    @property
    def files(self) -> list[IndexedFile]:
        return [file for _, (_, file) in sorted(self._known.items()) if file is not None]

    def refresh(self) -> bool:
        """Look at the folder again, reading only new and changed files. True when anything differs."""
        before, self._known = self._known, {}
        for path, stamp in _walk(self._folder):
            known = before.get(path)
            self._known[path] = known if known and known[0] == stamp else (stamp, _read_header(path))
        return self._known != before


def _walk(folder: Path) -> Iterator[tuple[Path, tuple[int, int]]]:
    for parent, subfolders, names in os.walk(folder):
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        for name in names:
            if name.startswith("."):
                continue
            path = Path(parent, name)
            try:
                if leads_out(path, folder):
                    continue
                status = path.stat()
            except OSError:  # gone since it was listed, or a dangling link
                continue
            yield path, (status.st_mtime_ns, status.st_size)


def _read_header(path: Path) -> IndexedFile | None:
    """The searchable fields of one file, or None when it is not a usable DICOM file."""
    try:
        with path.open("rb") as stream:
            if stream.read(132)[128:] != b"DICM":
                return None
            stream.seek(0)
            header = dcmread(stream, stop_before_pixels=True, specific_tags=list(_READ))
            fields = {keyword: _value(header, keyword) for keyword in _READ}
            transfer_syntax = str(header.file_meta.get("TransferSyntaxUID", ""))
    except _UNREADABLE as error:
        logger.warning("%s is left out: its DICOM header cannot be read (%s)", path, type(error).__name__)
        return None
    if not all(fields[keyword] for keyword in _IDENTIFIERS):
        return None  # a DICOMDIR, or a file without the identifiers an archive needs
    return IndexedFile(path, transfer_syntax, fields)


def _value(header: Dataset, keyword: str) -> str | int | None:
    try:
        value = header.get(keyword)
        if value is None or value == "":
            return None
        return int(value) if keyword in _NUMBERS else str(value)
    except (ValueError, TypeError):
        return None  # one malformed field must not hide the whole file
