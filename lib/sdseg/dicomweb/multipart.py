"""Multipart messages (RFC 2387): written piece by piece, read into files."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from sdseg.dicomweb.answer import RequestError

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

_CHUNK = 1 << 18
_LONGEST_BOUNDARY = 200


@dataclass(frozen=True)
class Part:
    """Its content in pieces, and what its Content-Type says."""

    media_type: str
    content: Iterable[bytes]
    location: str = ""


class Message:
    """A multipart/related message; the pieces are made while it is sent."""

    def __init__(self, kind: str, parts: Iterable[Part]) -> None:
        """`kind`: media type of the root, which the message's own type tells."""
        self._boundary = uuid.uuid4().hex
        self._parts = parts
        self.media_type = f'multipart/related; type="{kind}"; boundary={self._boundary}'

    def __iter__(self) -> Iterator[bytes]:
        for part in self._parts:
            location = f"Content-Location: {part.location}\r\n" if part.location else ""
            yield f"--{self._boundary}\r\nContent-Type: {part.media_type}\r\n{location}\r\n".encode()
            yield from part.content
            yield b"\r\n"
        yield f"--{self._boundary}--\r\n".encode()


def boundary_of(content_type: str) -> str:
    """Of a message of DICOM files (PS3.18 10.5.1). Raises RequestError 415 for another type, 400 for none."""
    kind, parameters = parse_options_header(content_type)
    inner = parameters.get(b"type", b"application/dicom").decode("latin-1").lower()
    if kind != b"multipart/related" or inner != "application/dicom":
        raise RequestError(415, 'Objects are stored as multipart/related; type="application/dicom" only.')
    boundary = parameters.get(b"boundary", b"").decode("latin-1")
    if not boundary or len(boundary) > _LONGEST_BOUNDARY:
        raise RequestError(400, "The Content-Type names no boundary of its parts.")
    return boundary


def read_parts(stream: BinaryIO, content_type: str, folder: Path) -> list[Path]:
    """The parts of a message as files in `folder`, in order.

    Raises RequestError: another type of content, no boundary, or a message that is broken, cut short or empty.
    """
    receiver = _Receiver(folder)
    parser = MultipartParser(boundary_of(content_type), receiver.callbacks())
    try:
        while piece := stream.read(_CHUNK):
            parser.write(piece)
        parser.finalize()
    except MultipartParseError:
        raise RequestError(400, "The multipart message is broken; send it again.") from None
    finally:
        receiver.close()
    if not receiver.ended or not receiver.files:
        raise RequestError(400, "The multipart message is cut short or has no parts; send it again.")
    return receiver.files


@dataclass
class _Receiver:
    """What the parser tells, written down."""

    folder: Path
    files: list[Path] = field(default_factory=list)
    ended: bool = False
    stream: BinaryIO | None = None

    def callbacks(self) -> MultipartCallbacks:
        return {
            "on_part_begin": self.begin,
            "on_part_data": self.data,
            "on_part_end": self.close,
            "on_end": self.end,
        }

    def begin(self) -> None:
        path = self.folder / f"part-{len(self.files):06d}.dcm"
        self.files.append(path)
        self.stream = path.open("wb")

    def data(self, content: bytes, start: int, end: int) -> None:
        if self.stream is not None:
            self.stream.write(content[start:end])

    def close(self) -> None:
        if self.stream is not None:
            self.stream.close()
            self.stream = None

    def end(self) -> None:
        self.ended = True
