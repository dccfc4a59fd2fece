"""The parameters of a search (QIDO-RS, PS3.18 8.3.4 and 10.6.1.2)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from pydicom.datadict import dictionary_VR, keyword_for_tag, tag_for_keyword

from sdseg.dicomweb.answer import RequestError
from sdseg.dicomweb.matching import check_value

NOT_FUZZY = "The fuzzymatching parameter is not supported; only literal matching has been performed."
_LEVEL_OF_ALL = "all"
_MOST = 1_000_000_000


@dataclass(frozen=True)
class Filter:
    """Values one of which an attribute must match; `path` has the keywords of nested sequences."""

    path: tuple[str, ...]
    vr: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Query:
    """`included`: attributes to tell besides the usual ones, as paths of keywords."""

    filters: tuple[Filter, ...] = ()
    included: tuple[tuple[str, ...], ...] = ()
    limit: int | None = None
    offset: int = 0
    fuzzy: bool = False

    @classmethod
    def parse(cls, parameters: Iterable[tuple[str, str]]) -> Query:
        """From names and values of the query string. Raises RequestError 400."""
        filters: dict[tuple[str, ...], list[str]] = {}
        included: list[tuple[str, ...]] = []
        control: dict[str, str] = {}
        for name, value in parameters:
            if name in ("limit", "offset", "fuzzymatching"):
                control[name] = value
            elif name == "includefield":
                included += [attribute(part) for part in value.split(",") if part not in ("", _LEVEL_OF_ALL)]
            elif name not in ("accept", "charset"):
                filters.setdefault(attribute(name), []).append(value)
        return cls(
            tuple(_filter(path, values) for path, values in filters.items()),
            tuple(dict.fromkeys(included)),
            _count("limit", control["limit"]) if "limit" in control else None,
            _count("offset", control.get("offset", "0")),
            _boolean("fuzzymatching", control.get("fuzzymatching", "false")),
        )


def attribute(name: str) -> tuple[str, ...]:
    """The keywords of an attribute named by keyword or tag, its parents before it. Raises RequestError 400."""
    return tuple(_keyword(part, name) for part in name.split("."))


def _keyword(part: str, name: str) -> str:
    if re.fullmatch(r"[0-9A-Fa-f]{8}", part):
        keyword = keyword_for_tag(int(part, 16))
    else:
        keyword = part if tag_for_keyword(part) is not None else ""
    if not keyword:
        raise RequestError(400, f"{name[:80]!r} is no attribute; give its keyword or its tag, like 00100020.")
    return keyword


def _filter(path: tuple[str, ...], values: list[str]) -> Filter:
    tag = tag_for_keyword(path[-1])
    vr = dictionary_VR(tag) if tag is not None else "UN"
    # A list of UIDs is separated by commas or backslashes; viewers name several modalities in the same way.
    split = [part for value in values for part in (re.split(r"[,\\]", value) if vr in ("UI", "CS") else [value])]
    for value in split:
        check_value(".".join(path), vr, value)
    return Filter(path, vr, tuple(split))


def _count(name: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or len(text) > 18:
        raise RequestError(400, f"{name} cannot be {text[:40]!r}; give a number from 0 on.")
    return min(int(text), _MOST)


def _boolean(name: str, text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise RequestError(400, f"{name} cannot be {text[:40]!r}; give true or false.")
    return text.lower() == "true"
