"""Studies, series and instances of a folder, in the order in which a person expects them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sdseg.errors import UnknownNameError
from sdseg.pacs.folder_index import IndexedFile
from sdseg.pacs.search import NOT_IMAGES
from sdseg.pacs.uids import is_uid


@dataclass(frozen=True)
class Entry:
    """A study, series or instance: its own UIDs ("" below its level), and its files.

    `heads` has one file of each series, of images before results: it speaks for the study and the series.
    """

    study: str
    series: str
    instance: str
    files: tuple[IndexedFile, ...]
    heads: tuple[IndexedFile, ...]

    @property
    def head(self) -> IndexedFile:
        return self.heads[0]


class Catalogue:
    """The instances of `files`; of several files of one instance the last one counts."""

    def __init__(self, files: Iterable[IndexedFile]) -> None:
        self._studies: dict[str, dict[str, dict[str, IndexedFile]]] = {}
        for file in files:
            study, series, sop = (str(file.fields[f"{level}InstanceUID"]) for level in ("Study", "Series", "SOP"))
            if is_uid(study) and is_uid(series) and is_uid(sop):
                self._studies.setdefault(study, {}).setdefault(series, {})[sop] = file

    def studies(self) -> list[Entry]:
        """The newest first, those without a date last."""
        entries = [self._study(uid) for uid in sorted(self._studies)]
        return sorted(entries, key=lambda entry: str(entry.head.fields["StudyDate"] or ""), reverse=True)

    def series(self, study: str = "") -> list[Entry]:
        """By study and series number."""
        return [entry for uid in self._chosen(study) for entry in self._series(uid)]

    def instances(self, study: str = "", series: str = "") -> list[Entry]:
        """By study, series and instance number."""
        return [
            Entry(entry.study, entry.series, str(file.fields["SOPInstanceUID"]), (file,), (file,))
            for entry in self.series(study)
            if not series or entry.series == series
            for file in entry.files
        ]

    def find(self, study: str, series: str = "", instance: str = "") -> list[IndexedFile]:
        """The files of a study, series or instance. Raises UnknownNameError."""
        if instance:
            file = self._studies.get(study, {}).get(series, {}).get(instance)
            found = [] if file is None else [file]
        else:
            found = [file for entry in self.series(study) if series in ("", entry.series) for file in entry.files]
        if not found:
            what = ("instance", instance) if instance else ("series", series) if series else ("study", study)
            raise UnknownNameError(f"There is no {what[0]} {what[1]} here; search for what there is.")
        return found

    def _chosen(self, study: str) -> list[str]:
        if not study:
            return sorted(self._studies)
        return [study] if study in self._studies else []

    def _study(self, uid: str) -> Entry:
        series = self._series(uid)
        heads = sorted((entry.head for entry in series), key=lambda file: file.fields["Modality"] in NOT_IMAGES)
        return Entry(uid, "", "", tuple(file for entry in series for file in entry.files), tuple(heads))

    def _series(self, study: str) -> list[Entry]:
        entries = []
        for uid, found in self._studies[study].items():
            files = tuple(sorted(found.values(), key=lambda file: _by_number(file, "InstanceNumber")))
            entries.append(Entry(study, uid, "", files, files[:1]))
        return sorted(entries, key=lambda entry: _by_number(entry.head, "SeriesNumber"))


def _by_number(file: IndexedFile, keyword: str) -> tuple[bool, int, str]:
    number = file.fields[keyword]
    return number is None, int(number or 0), str(file.path)
