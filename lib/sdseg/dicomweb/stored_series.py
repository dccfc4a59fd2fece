"""Which series an archive stored objects of, as its answer tells (PS3.18 10.5.3)."""

from __future__ import annotations

import json
import re

from sdseg.pacs.uids import is_uid

_STORED, _RETRIEVE_URL = "00081199", "00081190"
_SERIES = re.compile(r"/series/([0-9.]+)/")


def stored_series(content: bytes) -> set[str]:
    """SeriesInstanceUIDs from the RetrieveURLs in the DICOM JSON answer to a store; none where it has none."""
    try:
        answer = json.loads(content)
        items = (answer[0] if isinstance(answer, list) else answer).get(_STORED, {}).get("Value") or []
        urls = [str(url) for item in items for url in item.get(_RETRIEVE_URL, {}).get("Value") or []]
    except (ValueError, AttributeError, LookupError, TypeError):
        return set()
    return {found[1] for url in urls if (found := _SERIES.search(url)) and is_uid(found[1])}
