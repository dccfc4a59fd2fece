"""Content negotiation (PS3.18 8.7): which of the forms that can be sent a client takes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from python_multipart.multipart import parse_options_header

from sdseg.dicomweb.answer import RequestError

OCTETS, DICOM = "application/octet-stream", "application/dicom"
MULTIPART = "multipart/related"
PLAIN = "1.2.840.10008.1.2.1"  # Explicit VR Little Endian, the default transfer syntax of DICOMweb
_PARTS = re.compile(r'(?:[^,"]|"(?:\\.|[^"\\])*")+')
_LONGEST = 8192


@dataclass(frozen=True)
class Offer:
    """One form: a media type, as a part of a multipart message or alone, and the transfer syntax if it has one."""

    media_type: str
    transfer_syntax: str = ""
    multipart: bool = False


@dataclass(frozen=True)
class Range:
    """One element of an Accept header."""

    media_type: str
    inner: str
    transfer_syntax: str
    quality: float

    def takes(self, offer: Offer) -> bool:
        if self.media_type != "*/*" and offer.multipart != (self.media_type == MULTIPART):
            return False
        wanted = self.inner if self.media_type == MULTIPART else self.media_type
        return _fits(wanted, offer.media_type) and self._takes_syntax(offer)

    def _takes_syntax(self, offer: Offer) -> bool:
        """Without a transfer syntax the default holds, which of a picture format is any of its own."""
        if not offer.transfer_syntax or self.transfer_syntax == "*":
            return True
        if self.transfer_syntax:
            return self.transfer_syntax == offer.transfer_syntax
        return offer.transfer_syntax == PLAIN or offer.media_type not in (OCTETS, DICOM)


def parse_accept(header: str) -> list[Range]:
    """The elements of an Accept header, the most wanted first; an empty one takes anything."""
    found = [_range(part) for part in _PARTS.findall(header[:_LONGEST]) if part.strip()]
    return sorted((one for one in found if one.quality > 0), key=lambda one: -one.quality) or [Range("*/*", "", "", 1)]


def choose(accepted: Sequence[Range], offers: Iterable[Offer]) -> Offer | None:
    """The first offer, in the order of what is wanted and then of what is offered; None if none will do."""
    offered = list(offers)
    return next((offer for one in accepted for offer in offered if one.takes(offer)), None)


def require(accepted: Sequence[Range], offers: Sequence[Offer]) -> Offer:
    """The same, or RequestError 406, which says what there is."""
    offer = choose(accepted, offers)
    if offer is None:
        forms = sorted({_describe(one) for one in offers})
        raise RequestError(406, f"None of the media types in Accept is offered here; there is {' or '.join(forms)}.")
    return offer


def _range(text: str) -> Range:
    kind, parameters = parse_options_header(text.strip())
    options = {key.decode("latin-1").lower(): value.decode("latin-1") for key, value in parameters.items()}
    try:
        quality = float(options.get("q", "1"))
    except ValueError:
        quality = 1.0
    inner = options.get("type", "*/*").strip().lower()
    return Range(kind.decode("latin-1"), inner, options.get("transfer-syntax", "").strip(), quality)


def _fits(wanted: str, media_type: str) -> bool:
    return wanted in ("*/*", media_type) or (wanted.endswith("/*") and media_type.startswith(wanted[:-1]))


def _describe(offer: Offer) -> str:
    syntax = f"; transfer-syntax={offer.transfer_syntax}" if offer.transfer_syntax else ""
    return f'{MULTIPART}; type="{offer.media_type}"{syntax}' if offer.multipart else f"{offer.media_type}{syntax}"
