"""Headers as DICOM JSON (PS3.18 F): one element that cannot be read is left out, and the others told.

Large binary values become references. pydicom encodes the values; the walk is ours, for its own knows no path for
the reference of a nested element and gives up a whole header over one value.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pydicom import Dataset, dcmread
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.tag import BaseTag
from pydicom.uid import DeflatedExplicitVRLittleEndian

from sdseg.dicom.header import VALUE_ERRORS

Attributes = dict[str, dict[str, Any]]
Reference = Callable[[str], str]  # "00480105/0/00282000" to its URL

PIXELS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
INLINE = 4096
"""Bytes: longer binary values are referred to."""
DEFERRED = 1 << 16  # bytes; longer values stay in the file until they are asked for
_CHARACTER_SET = "00080005"
_BINARY = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
_DECIMAL: dict[str, type[int] | type[float]] = {"DS": float, "IS": int}
_AMBIGUOUS = {"OB or OW": "OW", "US or OW": "OW", "US or SS or OW": "OW", "US or SS": "US"}


def read_header(path: Path) -> Dataset:
    """A DICOM file without its long values. Raises one of READ_ERRORS."""
    header = dcmread(path, defer_size=DEFERRED)
    if header.file_meta.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian:
        return dcmread(path)  # offsets of what was inflated are not those of the file
    return header


def to_json(dataset: Dataset, reference: Reference, within: str = "") -> Attributes:
    """All elements that can be read; `reference` tells the URL of a long binary value."""
    attributes = dict(_elements(dataset, reference, within))
    if _CHARACTER_SET in attributes:
        attributes[_CHARACTER_SET] = {"vr": "CS", "Value": ["ISO_IR 192"]}  # what JSON is written in
    return dict(sorted(attributes.items()))


def _elements(dataset: Dataset, reference: Reference, within: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for tag in list(dataset.keys()):
        if tag.element == 0:  # a group's length
            continue
        name = f"{tag:08X}"
        try:
            yield name, _element(dataset, tag, reference, within + name)
        except VALUE_ERRORS:
            continue


def _element(dataset: Dataset, tag: BaseTag, reference: Reference, path: str) -> dict[str, Any]:
    raw = dataset.get_item(tag, keep_deferred=True)
    vr, long = _vr_of(raw), _is_long(raw)
    if tag in PIXELS or (vr in _BINARY and long):
        return {"vr": vr if vr in _BINARY else "OW", "BulkDataURI": reference(path)}
    element = dataset[tag]
    vr = _AMBIGUOUS.get(str(element.VR), str(element.VR))
    if vr == "SQ":
        items = [to_json(item, reference, f"{path}/{number}/") for number, item in enumerate(element.value)]
        return {"vr": vr, "Value": items} if items else {"vr": vr}
    if vr in _BINARY:
        return {"vr": vr, **_binary(element.value)}
    if vr in _DECIMAL:
        values = [_plain(value) for value in _numbers(element)]
    else:
        values = [_plain(value) for value in element.to_json_dict(None, 0).get("Value", [])]
    return {"vr": vr, "Value": values} if values else {"vr": vr}


def _vr_of(raw: DataElement | RawDataElement) -> str:
    """The VR before conversion; that of implicit VR files comes from the dictionary."""
    vr = raw.VR
    if vr is None:
        try:
            vr = dictionary_VR(raw.tag)
        except KeyError:
            vr = "UN"
    return _AMBIGUOUS.get(str(vr), str(vr))


def _is_long(raw: DataElement | RawDataElement) -> bool:
    """A deferred value is None and has a length."""
    if isinstance(raw, RawDataElement):
        return raw.length > INLINE or (raw.value is not None and len(raw.value) > INLINE)
    return isinstance(raw.value, bytes) and len(raw.value) > INLINE


def _binary(value: object) -> dict[str, str]:
    content = bytes(value) if isinstance(value, bytes | bytearray) else b""
    return {"InlineBinary": base64.b64encode(content).decode("ascii")} if content else {}


def _numbers(element: DataElement) -> list[int | float | None]:
    """Of decimal text; pydicom stumbles over an empty one among several."""
    if element.is_empty:
        return []
    kind = _DECIMAL[str(element.VR)]
    return [None if str(text) == "" else kind(text) for text in (element.value if element.VM > 1 else [element.value])]


def _plain(value: Any) -> Any:
    """JSON has no numbers that are none (PS3.18 F.2.3), and null for an empty value among several."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if isinstance(value, dict):
        return {group: text for group, text in value.items() if text}
    return None if isinstance(value, str) and not value else value
