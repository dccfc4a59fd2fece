"""The image series below a folder, each with the files it consists of. Headers only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sdseg.batch.found import Found
from sdseg.dicom.files import READ_ERRORS, read_header
from sdseg.dicom.header import short, text
from sdseg.dicom.scan import KEYWORDS, dicom_files, is_cut_short, is_image
from sdseg.errors import InputError
from sdseg.pacs.uids import is_uid

_READ = [*KEYWORDS, "StudyInstanceUID", "SOPInstanceUID"]
_NO_UID = "It has no SeriesInstanceUID, StudyInstanceUID or SOPInstanceUID that is one: it cannot be filed."


@dataclass
class _Series:
    """What was seen of one series so far. `files`: path -> SOPInstanceUID."""

    modality: str
    studies: set[str] = field(default_factory=set)
    files: dict[Path, str] = field(default_factory=dict)


def find_in_folders(folders: list[Path], tell: Callable[[int], None] = lambda files: None) -> list[Found]:
    """Every image series below `folders`, sorted by study and series; one that lies in several is one.

    A DICOM file that cannot be read may be a slice of any series beside it: those are not segmented, and one that lies
    alone is a series without a name. `tell` is called with the number of files looked at.

    Raises:
        InputError: one of them is no folder, or holds no DICOM file at all.
    """
    series: dict[str, _Series] = {}
    damaged: dict[Path, int] = defaultdict(int)
    looked = 0
    for folder in folders:
        before = looked
        _check(folder)
        for path in dicom_files(folder):
            looked += 1
            tell(looked)
            _look(path.absolute(), series, damaged)
        if looked == before:
            raise InputError(f"{folder} holds no DICOM file: give the folder of an archive.")
    found = [_found(uid, item, damaged) for uid, item in series.items()]
    used = {path.parent for item in series.values() for path in item.files}
    alone = [count for folder, count in sorted(damaged.items()) if folder not in used]
    found += [Found("", "", "", count, trouble=_damaged(count)) for count in alone]
    return sorted(found, key=lambda item: (item.study_uid, item.series_uid))


def _check(folder: Path) -> None:
    if not folder.is_dir():
        what = "is not a folder" if folder.exists() else "does not exist"
        raise InputError(f"{folder} {what}: give the folder of an archive, a list file or a DICOMweb address.")


def _look(path: Path, series: dict[str, _Series], damaged: dict[Path, int]) -> None:
    try:
        header = read_header(path, _READ)
        cut = is_cut_short(header)
    except READ_ERRORS:
        damaged[path.parent] += 1
        return
    if cut:
        damaged[path.parent] += 1
    elif is_image(header):
        item = series.setdefault(text(header, "SeriesInstanceUID"), _Series(short(header, "Modality")))
        item.studies.add(text(header, "StudyInstanceUID"))
        item.files[path] = text(header, "SOPInstanceUID")


def _found(uid: str, item: _Series, damaged: dict[Path, int]) -> Found:
    beside = sum(damaged.get(folder, 0) for folder in {path.parent for path in item.files})
    trouble = _damaged(beside) if beside else ""
    study = min(item.studies)
    if not all(map(is_uid, (uid, study, *item.files.values()))):
        uid, study, trouble = uid if is_uid(uid) else "", study if is_uid(study) else "", _NO_UID
    elif len(item.studies) > 1:
        trouble = f"Its images belong to {len(item.studies)} studies: correct their StudyInstanceUID."
    files = tuple((str(path), sop_uid) for path, sop_uid in sorted(item.files.items()))
    return Found(study, uid, item.modality, len(files), () if trouble else files, trouble=trouble)


def _damaged(count: int) -> str:
    which = "A DICOM file" if count == 1 else f"{count} DICOM files"
    return f"{which} in its folder cannot be read and may be among its images: send or copy the series again."
