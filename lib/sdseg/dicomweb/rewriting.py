"""Addresses of a PACS in its DICOM JSON become ours, while the answer passes through."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from sdseg.dicomweb.answer import RequestError
from sdseg.dicomweb.resource import Resource

# A JSON text which is an absolute address, or the path of one. Quotes before a slash or http: only a text's beginning.
_ADDRESS = re.compile(rb'"((?:https?:)?\\?/[^"\\]*(?:\\/[^"\\]*)*)"')
_BEGUN = re.compile(rb'"(?:h[^"]*|\\?/[^"]*|\\)?\Z')
_LONGEST = 8192


def rewrite(pieces: Iterable[bytes], base: str) -> Iterator[bytes]:
    """The same JSON, its addresses of DICOMweb resources below `base`; an address of anything else stays.

    Whatever host the PACS believes to have: behind a gateway it often names one that nobody reaches.
    """
    rest = b""
    for piece in pieces:
        content = _ADDRESS.sub(lambda found: _ours(found, base), rest + piece)
        begun = _BEGUN.search(content, max(0, len(content) - _LONGEST))
        end = len(content) if begun is None else begun.start()
        rest = content[end:]
        if end:
            yield content[:end]
    if rest:
        yield rest


def our_address(address: str, base: str) -> str | None:
    """The same resource below `base`; None for an address of something else."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    at = parts.path.find("/studies")
    if at < 0:
        return None
    try:
        Resource.parse(parts.path[at:])
    except RequestError:
        return None
    return base + parts.path[at:] + (f"?{parts.query}" if parts.query else "")


def _ours(found: re.Match[bytes], base: str) -> bytes:
    address = found[1].replace(b"\\/", b"/").decode("utf-8", "replace")
    ours = our_address(address, base)
    return found[0] if ours is None else b'"' + ours.encode() + b'"'
