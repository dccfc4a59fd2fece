"""Which image series lie below a folder? Headers only."""

import logging
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pydicom.dataset import Dataset, FileDataset
from pydicom.uid import (
    UID,
    MediaStorageDirectoryStorage,
    ParametricMapStorage,
    RTDoseStorage,
    SegmentationStorage,
    SurfaceSegmentationStorage,
)

from sdseg.dicom.files import READ_ERRORS, is_dicom, read_header
from sdseg.dicom.header import enumerate_labels, short, text
from sdseg.errors import InputError

log = logging.getLogger(__name__)
KEYWORDS = ["SOPClassUID", "SeriesInstanceUID", "Modality", "Rows"]
LABEL_MAP_SEGMENTATION_STORAGE = UID("1.2.840.10008.5.1.4.1.1.66.7")  # newer than pydicom's dictionary
RESULTS = frozenset(
    {
        SegmentationStorage,
        LABEL_MAP_SEGMENTATION_STORAGE,
        SurfaceSegmentationStorage,
        ParametricMapStorage,
        RTDoseStorage,
    }
)
"""Objects with pixels that are results about images, not images to segment."""


@dataclass
class Scan:
    """Image files by SeriesInstanceUID, the modality of each series, damaged files, and how many of no image kinds."""

    series: dict[str, list[Path]] = field(default_factory=dict)
    modality: dict[str, str] = field(default_factory=dict)
    unreadable: list[Path] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)


def scan_folder(folder: Path) -> Scan:
    """All image series below `folder`, in the order of their paths; InputError without such a folder."""
    if not folder.is_dir():
        what = "is not a folder" if folder.exists() else "does not exist"
        raise InputError(f"{folder} {what}: give a folder with the DICOM files of a series.")
    scan = Scan()
    for path in dicom_files(folder):
        try:
            header = read_header(path, KEYWORDS)
        except READ_ERRORS:
            scan.unreadable.append(path)
            continue
        if is_cut_short(header):
            scan.unreadable.append(path)
        elif is_image(header):
            uid = text(header, "SeriesInstanceUID")
            scan.series.setdefault(uid, []).append(path)
            scan.modality.setdefault(uid, short(header, "Modality"))
        else:
            scan.others[kind_name(UID(text(header, "SOPClassUID")))] += 1
    return scan


def dicom_files(folder: Path) -> Iterator[Path]:
    """DICOM files below `folder`, sorted; links to folders are not followed."""
    for parent, folders, names in os.walk(folder):
        folders.sort()
        yield from (path for name in sorted(names) if is_dicom(path := Path(parent, name)))


def kind_name(kind: UID) -> str:
    """The name of a known class; other texts may be anything and stay unsaid."""
    return kind.name if kind and kind.name != kind else "unknown"


def is_image(header: Dataset) -> bool:
    """Whether this is an image, not a result such as a SEG, a report or a DICOMDIR."""
    kind = UID(text(header, "SOPClassUID"))
    return kind not in RESULTS and ("Image Storage" in kind.name or bool(text(header, "Rows")))


def is_cut_short(header: FileDataset) -> bool:
    """Whether a file ends within its header, which pydicom reads without a word: no slice may vanish so."""
    if text(header.file_meta, "MediaStorageSOPClassUID") == MediaStorageDirectoryStorage:
        return False
    return not text(header, "SeriesInstanceUID") or (is_image(header) and not text(header, "Rows"))


def find_series(folder: str | Path) -> dict[str, list[Path]]:
    """Image series below `folder` by SeriesInstanceUID, files sorted by path.

    SEG and other results are left out, as are files that are not DICOM; damaged DICOM files are logged by
    name. InputError where there is no such folder.
    """
    scan = scan_folder(Path(folder))
    if scan.unreadable:
        names = enumerate_labels([path.name for path in scan.unreadable])
        log.warning("Damaged DICOM files left out: %s", names)
    return scan.series
