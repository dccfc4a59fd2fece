"""Storing one DICOM file in a DICOMweb archive (STOW-RS, PS3.18 10.5), streamed from the disk as it is."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import BinaryIO

import requests

from sdseg.errors import DeliveryError, RefusedError
from sdseg.pacs.answers import failure
from sdseg.pacs.asking import asking
from sdseg.pacs.outgoing import Outgoing
from sdseg.pacs.reasons import may_pass, reason_in_words, warning_in_words
from sdseg.pacs.server_client import ServerClient
from sdseg.pacs.stow_answer import StowAnswer, read_answer

_LONGEST_ANSWER = 1 << 20  # bytes; it is about one object
_CHUNK = 1 << 16


class Envelope:
    """A multipart/related message around one file, read piece by piece; its length is known beforehand.

    So nothing is held in memory, and servers that refuse chunked transfer take it. The content is never
    compressed: archives answer 200 to a gzip body and keep nothing.
    """

    def __init__(self, stream: BinaryIO, size: int) -> None:
        boundary = uuid.uuid4().hex
        self.media_type = f'multipart/related; type="application/dicom"; boundary="{boundary}"'
        head = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        tail = f"\r\n--{boundary}--\r\n".encode()
        self._head, self._stream, self._tail = head, stream, tail
        self._length = len(head) + size + len(tail)

    def __len__(self) -> int:
        return self._length

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes, b"" at the end."""
        if self._head:
            piece, self._head = self._head, b""
            return piece
        piece = self._stream.read(_CHUNK if size < 0 else size)
        if not piece:
            piece, self._tail = self._tail, b""
        return piece


def stow(client: ServerClient, file: Outgoing) -> StowAnswer | None:
    """Post the file; what the archive says of it, None where it says nothing that can be understood.

    Raises RefusedError, DeliveryError: the archive says that it was not stored.
    """
    doing = f"storing {file.sop_uid}"
    archive = f"The archive {client.base_url}"
    with asking(client, doing), _post(client, file.path) as response:
        status, headers = response.status_code, response.headers
        content = _beginning(response)
    answer = read_answer(content, headers.get("Content-Type", ""), file.sop_uid)
    succeeded = 200 <= status < 300
    if answer is not None and answer.failed and (succeeded or answer.reason is not None):
        kind = DeliveryError if may_pass(answer.reason) else RefusedError
        raise kind(f"{archive} refused {file.sop_uid}: {reason_in_words(answer.reason)}; its log should say more.")
    if not succeeded:
        raise failure(status, headers, archive, doing)
    return answer


def warning_of(answer: StowAnswer | None) -> str:
    return "" if answer is None else warning_in_words(answer.warning)


def _post(client: ServerClient, path: Path) -> requests.Response:
    """Redirections are not followed: they turn a POST into a GET, which stores nothing."""
    with path.open("rb") as stream:
        envelope = Envelope(stream, path.stat().st_size)
        return client.session.post(
            client.store_url,
            data=envelope,
            headers={"Content-Type": envelope.media_type, "Accept": "application/dicom+json"},
            timeout=client.timeout,
            allow_redirects=False,
            stream=True,
        )


def _beginning(response: requests.Response) -> bytes:
    content = b""
    for piece in response.iter_content(_CHUNK):
        content += piece
        if len(content) > _LONGEST_ANSWER:
            break
    return content
