"""What a person names: folders, list files, DICOMweb addresses, and queries of these."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sdseg.batch.folder_source import find_in_folders
from sdseg.batch.found import Found
from sdseg.batch.web_source import find_by_query, find_by_uid, open_server, parse_query
from sdseg.errors import InputError
from sdseg.pacs.archive import is_server
from sdseg.pacs.uids import is_uid

Tell = Callable[[int], None]


@dataclass(frozen=True)
class Sources:
    """Where series come from.

    Attributes:
        named: folders, list files (one folder or UID a line) and http(s):// addresses.
        studies: folder or address that the UIDs of list files are looked up in; alone, all of it is segmented.
        query: QIDO keys and values, for addresses.

    Raises:
        InputError: nothing is named, a query without an address, or one that is none.
    """

    named: tuple[str, ...]
    studies: str = ""
    query: tuple[str, ...] = ()
    keys: dict[str, str] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        if not self.named and not self.studies:
            raise InputError("Nothing to segment is named: give a folder, a list file or --studies.")
        if self.query and not any(map(is_server, (*self.named, self.studies))):
            raise InputError("--query asks a DICOMweb server: give its address by --studies http://host/dicom-web.")
        self.keys.update(parse_query(self.query))

    def find(self, tell: Tell = lambda files: None) -> list[Found]:
        """Every image series, each once, sorted by study and series; lines of a list that lead nowhere as trouble.

        Raises:
            InputError: a folder or file is missing, or a list file cannot be read.
            DeliveryError: a server does not answer.
        """
        whole = list(self.named)
        if self.studies and not any(_is_list(name) for name in self.named):
            whole.append(self.studies)
        found: list[Found] = []
        for address in filter(is_server, whole):
            found += find_by_query(open_server(address), address, self.keys)
        folders = [Path(name) for name in whole if not is_server(name) and not _is_list(name)]
        lists = [Path(name) for name in whole if not is_server(name) and _is_list(name)]
        found += self._listed(folders, lists, tell)
        return _each_once(found)

    def _listed(self, folders: list[Path], lists: Sequence[Path], tell: Tell) -> list[Found]:
        found: list[Found] = []
        uids: dict[str, str] = {}
        for path in lists:
            for number, line in _lines(path):
                place = f"Line {number} of {path.name}"
                if is_uid(line):
                    uids[line] = place
                elif (folder := path.parent / line).is_dir():
                    folders.append(folder)
                else:
                    found.append(_nowhere(f"{place} is neither a folder nor a UID: correct it."))
        if folders:
            found += find_in_folders(folders, tell)
        return found + (self._by_uid(uids, tell) if uids else [])

    def _by_uid(self, uids: dict[str, str], tell: Tell) -> list[Found]:
        if not self.studies:
            raise InputError("The list holds UIDs: say by --studies in which folder or DICOMweb server they are.")
        if is_server(self.studies):
            client = open_server(self.studies)
            by_uid = {uid: find_by_uid(client, self.studies, uid) for uid in uids}
        else:
            there = find_in_folders([Path(self.studies)], tell)
            by_uid = {uid: [item for item in there if uid in (item.study_uid, item.series_uid)] for uid in uids}
        missing = [
            _nowhere(f"{uids[uid]}: there is no study and no series {uid} in the archive.")
            for uid, items in by_uid.items()
            if not items
        ]
        return [item for items in by_uid.values() for item in items] + missing


def _is_list(name: str) -> bool:
    return not is_server(name) and Path(name).is_file()


def _lines(path: Path) -> list[tuple[int, str]]:
    """Number and text of each line that says something; # begins a remark."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise InputError(f"{path} cannot be read as a list: give a text file with a folder or UID a line.") from None
    stripped = ((number, line.strip()) for number, line in enumerate(lines, 1))
    return [(number, line) for number, line in stripped if line and not line.startswith("#")]


def _nowhere(sentence: str) -> Found:
    return Found("", "", "", None, trouble=sentence)


def _each_once(found: list[Found]) -> list[Found]:
    """The first of those with the same SeriesInstanceUID, and all without one."""
    by_uid: dict[tuple[str, int], Found] = {}
    for number, item in enumerate(found):
        by_uid.setdefault((item.series_uid, 0 if item.series_uid else number), item)
    return sorted(by_uid.values(), key=lambda item: (item.study_uid, item.series_uid))
