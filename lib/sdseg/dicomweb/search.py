"""Searching a folder (QIDO-RS, PS3.18 10.6)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any

from pydicom.datadict import dictionary_VR, tag_for_keyword

from sdseg.dicomweb.catalogue import Catalogue, Entry
from sdseg.dicomweb.dicom_json import Attributes
from sdseg.dicomweb.headers import INSTANCE, SERIES, STUDY, Headers
from sdseg.dicomweb.matching import matches
from sdseg.dicomweb.query import Filter, Query
from sdseg.dicomweb.resource import Kind, Resource
from sdseg.pacs.folder_index import IndexedFile

# What belongs to one instance: a study or series matches when any of its instances does.
_OF_INSTANCES = frozenset({*INSTANCE, "TransferSyntaxUID", "AvailableTransferSyntaxUID"} - {*STUDY, *SERIES})


def search(catalogue: Catalogue, headers: Headers, resource: Resource, query: Query, base: str) -> list[Attributes]:
    """What matches, in DICOM JSON. `base`: address of the service, for RetrieveURL."""
    found = [
        entry for entry in _entries(catalogue, resource) if all(_fits(entry, one, headers) for one in query.filters)
    ]
    end = None if query.limit is None else query.offset + query.limit
    return [_tell(entry, resource, query, headers, base) for entry in found[query.offset : end]]


def _entries(catalogue: Catalogue, resource: Resource) -> list[Entry]:
    if resource.kind is Kind.STUDIES:
        return catalogue.studies()
    if resource.kind is Kind.SERIES:
        return catalogue.series(resource.study)
    return catalogue.instances(resource.study, resource.series)


def _fits(entry: Entry, one: Filter, headers: Headers) -> bool:
    """Several wanted values are alternatives; one of the wanted values must match one of the attribute's."""
    values = list(_values(entry, one.path, headers))
    return any(wanted in ("", "*") or any(matches(value, wanted, one.vr) for value in values) for wanted in one.values)


def _values(entry: Entry, path: tuple[str, ...], headers: Headers) -> Iterator[str]:
    keyword = path[0]
    if keyword in _COUNTS:
        yield from map(str, _COUNTS[keyword](entry))
        return
    for file in entry.files if keyword in _OF_INSTANCES else entry.heads:
        if len(path) == 1 and keyword in file.fields and keyword != "PatientName":
            value = file.fields[keyword]
            if value is not None:
                yield str(value)
        else:
            yield from _nested([headers.get(file, [keyword])], path)


def _nested(items: list[Attributes], path: tuple[str, ...]) -> Iterator[str]:
    for item in items:
        values = item.get(f"{tag_for_keyword(path[0]):08X}", {}).get("Value", [])
        if len(path) > 1:
            yield from _nested([value for value in values if isinstance(value, dict)], path[1:])
            continue
        for value in values:
            # A name in each of its alphabets.
            yield from value.values() if isinstance(value, dict) else [str(value)]


def _tell(entry: Entry, resource: Resource, query: Query, headers: Headers, base: str) -> Attributes:
    usual = {
        Kind.STUDIES: STUDY,
        Kind.SERIES: SERIES if resource.study else (*STUDY, *SERIES),
        Kind.INSTANCES: INSTANCE if resource.series else (*SERIES, *INSTANCE),
    }[resource.kind]
    if resource.kind is Kind.INSTANCES and not resource.study:
        usual = (*STUDY, *usual)
    asked = [path[0] for path in query.included] + [one.path[0] for one in query.filters]
    if resource.kind is Kind.STUDIES:  # a study has no modality or series of its own
        asked = [keyword for keyword in asked if keyword in STUDY or keyword not in (*SERIES, *INSTANCE)]
    wanted = [keyword for keyword in asked if keyword not in _COUNTS]
    if usual is INSTANCE:
        told = headers.indexed(entry.head) | (headers.get(entry.head, wanted) if wanted else {})
    else:
        told = headers.get(entry.head, [*usual, *wanted])
    counted = _LEVEL_COUNTS[resource.kind] + [keyword for keyword in asked if keyword in _COUNTS]
    told.update(_told(keyword, _COUNTS[keyword](entry)) for keyword in counted)
    told.update([_told("InstanceAvailability", ["ONLINE"]), _told("RetrieveURL", [base + _path(entry)])])
    return dict(sorted(told.items()))


def _told(keyword: str, values: Collection[Any]) -> tuple[str, dict[str, Any]]:
    tag = tag_for_keyword(keyword)
    assert tag is not None
    return f"{tag:08X}", {"vr": dictionary_VR(tag), "Value": list(values)}


def _path(entry: Entry) -> str:
    parts = [("studies", entry.study), ("series", entry.series), ("instances", entry.instance)]
    return "".join(f"/{word}/{uid}" for word, uid in parts if uid)


def _distinct(files: Collection[IndexedFile], keyword: str) -> list[str]:
    return sorted({str(file.fields[keyword]) for file in files if file.fields[keyword]})


_COUNTS: dict[str, Callable[[Entry], list[Any]]] = {
    "ModalitiesInStudy": lambda entry: _distinct(entry.heads, "Modality"),
    "SOPClassesInStudy": lambda entry: _distinct(entry.files, "SOPClassUID"),
    "NumberOfStudyRelatedSeries": lambda entry: [len(entry.heads)],
    "NumberOfStudyRelatedInstances": lambda entry: [len(entry.files)],
    "NumberOfSeriesRelatedInstances": lambda entry: [len(entry.files)],
    "AvailableTransferSyntaxUID": lambda entry: sorted({file.transfer_syntax for file in entry.files}),
}
_LEVEL_COUNTS = {
    Kind.STUDIES: [
        "ModalitiesInStudy",
        "SOPClassesInStudy",
        "NumberOfStudyRelatedSeries",
        "NumberOfStudyRelatedInstances",
    ],
    Kind.SERIES: ["NumberOfSeriesRelatedInstances"],
    Kind.INSTANCES: ["AvailableTransferSyntaxUID"],
}
