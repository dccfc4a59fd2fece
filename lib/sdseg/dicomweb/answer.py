"""What is answered to a DICOMweb request, and what is wrong with one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sdseg.errors import SdsegError

DICOM_JSON = "application/dicom+json"


@dataclass(frozen=True)
class Answer:
    """Status, media type and a body in pieces, which may be made while it is sent."""

    status: int
    media_type: str
    body: Iterable[bytes]
    headers: Mapping[str, str] = field(default_factory=dict)


class RequestError(SdsegError):
    """A request that cannot be answered as it is: an HTTP `status` (PS3.18 8.5) and one sentence."""

    def __init__(self, status: int, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = {} if retry_after is None else {"Retry-After": f"{retry_after:.0f}"}


def warning(text: str) -> dict[str, str]:
    """The header of a success with a remark (PS3.18 10.6.3.3); latin-1, without quotes and line ends."""
    plain = "".join(char if char.isprintable() and char not in '"\\' else " " for char in text)
    return {"Warning": f'299 sdseg "{plain.encode("ascii", "replace").decode("ascii")}"'}
