"""What an archive says of a store: stored, failed and why (PS3.18 10.5.3 and annex I)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

STORED, FAILED, OTHER_FAILURES = "00081199", "00081198", "0008119A"  # ReferencedSOPSequence, FailedSOPSequence ...
INSTANCE_UID, FAILURE_REASON, WARNING_REASON = "00081155", "00081197", "00081196"

Item = dict[str, Any]  # one item of a sequence in DICOM JSON: tag -> {"vr": ..., "Value": [...]}


@dataclass(frozen=True)
class StowAnswer:
    """The answer about one object.

    Attributes:
        stored: the archive names it among those that it stored.
        failed: the archive names a failure.
        reason: FailureReason of it, or None.
        warning: WarningReason of it, or None; a warning is a success.
    """

    stored: bool = False
    failed: bool = False
    reason: int | None = None
    warning: int | None = None


def read_answer(content: bytes, media_type: str, sop_uid: str) -> StowAnswer | None:
    """The answer to the store of `sop_uid` alone, or None when it cannot be understood."""
    # Orthanc's partial failures come without a Content-Type.
    kind = media_type.partition(";")[0].strip().lower() or "application/dicom+json"
    parse = _PARSERS.get(kind)
    if parse is None or not content.strip():
        return None
    try:
        answer = parse(content)
        # One object was sent: whatever failed is ours, whether or not it is named.
        failures = [*_items(answer, FAILED), *_items(answer, OTHER_FAILURES)]
        ours = [item for item in _items(answer, STORED) if _first(item, INSTANCE_UID) == sop_uid]
        return StowAnswer(
            stored=bool(ours),
            failed=bool(failures),
            reason=_code(failures, FAILURE_REASON),
            warning=_code(ours, WARNING_REASON),
        )
    except (ValueError, TypeError, AttributeError, LookupError, ElementTree.ParseError):
        return None


def _from_json(content: bytes) -> Item:
    """Some servers send the one data set as an array."""
    answer = json.loads(content)
    return dict(answer[0] if isinstance(answer, list) else answer)


def _from_xml(content: bytes) -> Item:
    """The Native DICOM Model (PS3.19 A.1) in the shape of DICOM JSON, as far as such answers use it."""
    return _xml_item(ElementTree.fromstring(content))


def _xml_item(parent: ElementTree.Element) -> Item:
    item: Item = {}
    for attribute in parent:
        if attribute.get("tag") is not None:
            items = [_xml_item(child) for child in attribute if child.tag.endswith("Item")]
            values = [child.text or "" for child in attribute if child.tag.endswith("Value")]
            item[attribute.attrib["tag"].upper()] = {"Value": items or values}
    return item


_PARSERS: dict[str, Callable[[bytes], Item]] = {
    "application/dicom+json": _from_json,
    "application/json": _from_json,
    "application/dicom+xml": _from_xml,
    "application/xml": _from_xml,
    "text/xml": _from_xml,
}


def _items(answer: Item, tag: str) -> list[Item]:
    """The sequence may be absent, or present and empty."""
    return list(answer.get(tag, {}).get("Value") or [])


def _first(item: Item, tag: str) -> Any:
    return next(iter(item.get(tag, {}).get("Value") or []), None)


def _code(items: Iterable[Item], tag: str) -> int | None:
    found = [value for item in items if (value := _first(item, tag)) is not None]
    return int(found[0]) if found else None
