"""Which weights a stored SEG says it was made by: what `provenance` wrote, read back from DICOM JSON (PS3.18 F)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydicom.datadict import tag_for_keyword

Attributes = Mapping[str, Mapping[str, Any]]
"""One object in DICOM JSON: tag -> {"vr": ..., "Value": [...]}."""

_SHA256 = re.compile(r"weights_sha256=([0-9a-f]{64})")


def weights_of(header: Attributes) -> tuple[str, ...]:
    """The SHA-256 of the weights behind each segment, each once.

    From Algorithm Parameters (0066,0032) of the Segmentation Algorithm Identification Sequence (PS3.3 C.8.20.2); a
    segment that a person drew names none.
    """
    found = {}
    for segment in _items(header, "SegmentSequence"):
        for algorithm in _items(segment, "SegmentationAlgorithmIdentificationSequence"):
            for text in _values(algorithm, "AlgorithmParameters"):
                found.update(dict.fromkeys(_SHA256.findall(str(text))))
    return tuple(found)


def labels_of(header: Attributes) -> tuple[str, ...]:
    """Segment Label (0062,0005) of each segment."""
    return tuple(
        str(label) for segment in _items(header, "SegmentSequence") for label in _values(segment, "SegmentLabel")
    )


def _items(attributes: Attributes, keyword: str) -> Iterator[Attributes]:
    return (item for item in _values(attributes, keyword) if isinstance(item, Mapping))


def _values(attributes: Attributes, keyword: str) -> list[Any]:
    element = attributes.get(f"{tag_for_keyword(keyword):08X}", {})
    return list(element.get("Value") or []) if isinstance(element, Mapping) else []
