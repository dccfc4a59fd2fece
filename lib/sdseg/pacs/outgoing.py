"""A DICOM file about to be stored: what an archive files it under, and whether it is whole."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydicom import Dataset, dcmread
from pydicom.dataelem import RawDataElement
from pydicom.dataset import FileDataset
from pydicom.uid import DeflatedExplicitVRLittleEndian

from sdseg.dicom.files import READ_ERRORS, is_dicom
from sdseg.dicom.header import text
from sdseg.errors import InputError
from sdseg.pacs.search import SeriesKey
from sdseg.pacs.uids import is_uid

_DEFERRED = 4096  # bytes; larger values stay in the file
_PIXELS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
_UNDEFINED = 0xFFFFFFFF


@dataclass(frozen=True)
class Outgoing:
    """One DICOM file (PS3.10) on disk; its pixels are never held in memory."""

    path: Path
    key: SeriesKey
    sop_uid: str

    @classmethod
    def read(cls, path: Path) -> Outgoing:
        """Raises InputError: no DICOM file, one cut short, or one without the UIDs that an archive needs."""
        if not path.is_file():
            raise InputError(f"{path} is not a file: check the path.")
        if not is_dicom(path):
            raise InputError(f"{path.name} is not a DICOM file, or may not be read: leave it out.")
        try:
            header = dcmread(path, defer_size=_DEFERRED)
            cut_short = _is_cut_short(header, path.stat().st_size)
            uids = [text(header, f"{level}InstanceUID") for level in ("Study", "Series", "SOP")]
            modality = text(header, "Modality")
        except READ_ERRORS:
            raise InputError(f"{path.name} is truncated or damaged: send or copy it again.") from None
        if cut_short:
            raise InputError(f"{path.name} is truncated: send or copy it again.")
        study, series, instance = uids
        if not all(is_uid(uid) for uid in uids):
            raise InputError(f"{path.name} lacks a StudyInstanceUID, SeriesInstanceUID or SOPInstanceUID that is one.")
        return cls(path, SeriesKey(study, series, modality), instance)


def _is_cut_short(header: FileDataset, size: int) -> bool:
    """Whether the file ends within a value: pydicom reads such a file without a word."""
    if not header:
        return True  # what is left of compressed pixels without their end
    if header.file_meta.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian:
        return False  # its offsets are not those of the file; a cut one cannot be inflated
    raw = [element for element in Dataset.values(header) if isinstance(element, RawDataElement)]
    if any(element.length != _UNDEFINED and element.value_tell + element.length > size for element in raw):
        return True
    return "Rows" in header and not any(tag in _PIXELS for tag in map(int, header.keys()))
