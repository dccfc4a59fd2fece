"""What an HTTP answer means for who asked: mend the set-up, come again later, or never."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from sdseg.errors import DeliveryError, RefusedError, SetupError

LONGEST_WAIT = 3600.0
"""Seconds: a server that asks for more patience than this is asked again all the same."""


class NotThereError(SetupError):
    """404: the address is wrong, or, asked about one study, there is no such study."""


class BusyError(DeliveryError):
    """The server is up and asks for patience; `retry_after` are the seconds that it named, or None."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


# What mends it. These depend on how the server and we are set up, not on the object: it is kept for later.
_SETUP = {
    401: "the credentials are wrong, missing or out of date: check SDSEG_DICOMWEB_* or the file SDSEG_CREDENTIALS",
    403: "these credentials may not do that: ask its keeper for the permission",
    404: "there is no DICOMweb service at this address: check it, with its path",
    405: "there is no DICOMweb service at this address, or it takes no objects: check it, with its path",
    406: "it cannot answer in DICOM JSON: check the address",
    407: "the proxy on the way wants credentials: check HTTPS_PROXY",
    410: "there is no DICOMweb service at this address any more: check it",
    501: "it has no such service: check the address and its settings",
}
_BUSY = {
    408: "it lost patience",
    425: "it is not ready",
    429: "it has too much to do",
    500: "it failed inwardly",
    502: "a proxy cannot reach it",
    503: "it is not available",
    504: "a proxy waits for it in vain",
    507: "its storage is full",
}
_REFUSED = {
    400: "it does not understand the object",
    409: "the object conflicts with what it holds or accepts",
    411: "it takes no object of this kind of transfer",
    413: "the object is too large for it: raise its limit",
    415: "it does not take this media type or transfer syntax",
    422: "it does not understand the object",
}
MEANINGS = frozenset({*_SETUP, *_BUSY, *_REFUSED})
"""Statuses that have a meaning of their own here; of others, 3xx are set-up, all else is tried again."""


def failure(status: int, headers: Mapping[str, str], archive: str, doing: str) -> DeliveryError:
    """The error for an HTTP status that is no success, of whatever was being done at `archive` (PS3.18 8.5)."""
    start = f"{archive} answered {status} while {doing}"
    if 300 <= status < 400:
        return SetupError(f"{start}: it has moved to {place(headers)}; give that address.")
    if status in _SETUP:
        kind = NotThereError if status == 404 else SetupError
        return kind(f"{start}: {_SETUP[status]}.")
    if status in _REFUSED:
        return RefusedError(f"{start}: {_REFUSED[status]}; its log should say more.")
    why = _BUSY.get(status, "its log should say why")
    return BusyError(f"{start}: {why}; try again later.", retry_after(headers))


def place(headers: Mapping[str, str]) -> str:
    """Where a redirection leads, without credentials and query."""
    parts = urlsplit(headers.get("Location", ""))
    host = parts.netloc.rpartition("@")[2]
    return (f"{parts.scheme}://{host}{parts.path}" if host else parts.path) or "an unknown place"


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, which Retry-After gives as a number or as a date (RFC 9110 10.2.3)."""
    text = headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return min(float(text), LONGEST_WAIT)
    with suppress(ValueError, OverflowError):
        date = parsedate_to_datetime(text)
        wait = ((date if date.tzinfo else date.replace(tzinfo=UTC)) - datetime.now(UTC)).total_seconds()
        return min(max(wait, 0.0), LONGEST_WAIT)
    return None
