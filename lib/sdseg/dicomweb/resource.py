"""The paths of DICOMweb (PS3.18 10.1, 10.4, 10.6): only what fits this grammar is answered or passed on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from sdseg.dicomweb.answer import RequestError
from sdseg.pacs.uids import is_uid


class Kind(StrEnum):
    """What is asked of the resource that the UIDs name."""

    STUDIES = "studies"
    SERIES = "series"
    INSTANCES = "instances"
    OBJECTS = "objects"
    METADATA = "metadata"
    FRAMES = "frames"
    RENDERED = "rendered"
    THUMBNAIL = "thumbnail"
    BULKDATA = "bulkdata"


SEARCHES = frozenset({Kind.STUDIES, Kind.SERIES, Kind.INSTANCES})

_UID = r"[0-9]+(?:\.[0-9]+)*"
_GRAMMAR = re.compile(
    rf"/(?:studies|series|instances"
    rf"|studies/(?P<study>{_UID})(?:/series|/instances"
    rf"|/series/(?P<series>{_UID})(?:/instances"
    rf"|/instances/(?P<instance>{_UID})(?:/frames/(?P<frames>[0-9]+(?:,[0-9]+)*))?"
    rf")?)?"
    rf"(?P<what>/metadata|/rendered|/thumbnail|/(?:bulk|bulkdata)/(?P<bulk>[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)*))?)"
)
_LONGEST = 4096
_MOST_FRAMES = 10_000


@dataclass(frozen=True)
class Resource:
    """One path below the root of the service, checked.

    Attributes:
        path: the path as it is asked for, from "/studies" on; made of UIDs and words of the grammar only.
        kind: what is asked.
        study, series, instance: UIDs that the path names, or "".
        frames: frame numbers, from 1.
        bulk: what of an object is asked for, "00282000" or "00480105/0/00282000".
    """

    path: str
    kind: Kind
    study: str = ""
    series: str = ""
    instance: str = ""
    frames: tuple[int, ...] = ()
    bulk: str = ""

    @classmethod
    def parse(cls, path: str) -> Resource:
        """Raises RequestError 404: no path of DICOMweb."""
        found = _GRAMMAR.fullmatch(path) if len(path) <= _LONGEST else None
        parts = found.groupdict(default="") if found else {}
        study, series, instance = (parts.get(name, "") for name in ("study", "series", "instance"))
        dots = any(set(segment) <= {"."} for segment in path.split("/")[1:])
        if found is None or dots or not all(is_uid(uid) for uid in (study, series, instance) if uid):
            raise RequestError(404, "That is no DICOMweb resource; resources are like /studies/{UID}/series.")
        frames = tuple(int(number[:9]) for number in parts["frames"].split(",") if number)
        if len(frames) > _MOST_FRAMES or 0 in frames:
            raise RequestError(400, f"Frames are numbered from 1, and at most {_MOST_FRAMES} are sent at once.")
        return cls(path, _kind(path, parts, frames), study, series, instance, frames, parts["bulk"])


def _kind(path: str, parts: dict[str, str], frames: tuple[int, ...]) -> Kind:
    word = parts["what"].split("/")[1] if parts["what"] else ""
    if word in ("bulk", "bulkdata"):
        return Kind.BULKDATA
    if word:
        return Kind(word)
    if frames:
        return Kind.FRAMES
    last = path.rsplit("/", 1)[-1]
    return Kind(last) if last in SEARCHES else Kind.OBJECTS
