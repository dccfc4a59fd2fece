"""Single frames out of a DICOM file, read from where they lie: the rest of the pixels stays on the disk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import numpy as np
from pydicom import Dataset, dcmread
from pydicom.encaps import get_frame
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian

from sdseg.dicom.files import READ_ERRORS
from sdseg.dicom.header import integer, text, value
from sdseg.dicom.pixels import decode
from sdseg.dicomweb.accept import PLAIN
from sdseg.dicomweb.answer import RequestError
from sdseg.dicomweb.dicom_json import PIXELS, read_header
from sdseg.errors import InputError

_UNDEFINED = 0xFFFFFFFF


@dataclass(frozen=True)
class Pixels:
    """Where the pixels of one file lie.

    Attributes:
        transfer_syntax: as the file says; frames that are not compressed are sent in Explicit VR Little Endian.
        offset, length: of the value in the file, in bytes; of a compressed one the length is not known.
        bits: BitsAllocated; 1 for frames that share bytes.
        values: pixels times samples of one frame.
        offsets: Extended Offset Table and its lengths, raw.
    """

    path: Path
    transfer_syntax: str
    compressed: bool
    offset: int
    length: int
    frames: int
    bits: int
    values: int
    offsets: tuple[bytes, bytes] | None

    def stored(self, number: int) -> bytes:
        """Frame `number` (from 1): the compressed bytes, or little endian values. Raises InputError: damaged."""
        try:
            with self._open() as stream:
                if self.compressed:
                    return get_frame(stream, number - 1, number_of_frames=self.frames, extended_offsets=self.offsets)
                return self._native(stream, number - 1)
        except READ_ERRORS:
            raise self.damaged() from None

    def decoded(self, number: int) -> bytes:
        """Little endian values, of colour interleaved RGB. Raises InputError: no decoder, damaged."""
        if not self.compressed:
            return self.stored(number)
        try:
            array = decode(dcmread(self.path), number - 1)
        except (*READ_ERRORS, RuntimeError, MemoryError):
            raise self.damaged() from None
        return array.astype(array.dtype.newbyteorder("<")).tobytes()

    def require(self, number: int) -> None:
        """Raises RequestError 404: there is no such frame."""
        if not 1 <= number <= self.frames:
            raise RequestError(404, f"There is no frame {number}; the instance has {self.frames}.")

    def pieces(self, size: int = 1 << 18) -> Iterator[bytes]:
        """The whole value of what is not compressed, as it is stored. Raises InputError at once: it is cut short."""
        inflated = self.transfer_syntax == DeflatedExplicitVRLittleEndian
        if not inflated and self.offset + self.length > self.path.stat().st_size:
            raise self.damaged()
        return self._pieces(size)

    def _pieces(self, size: int) -> Iterator[bytes]:
        with self._open() as stream:
            left = self.length
            while left > 0 and (piece := stream.read(min(size, left))):
                left -= len(piece)
                yield piece

    def damaged(self) -> InputError:
        return InputError(f"The pixels of {self.path.name} are damaged, cut short or cannot be decoded; send it again.")

    @contextmanager
    def _open(self) -> Iterator[BinaryIO]:
        if self.transfer_syntax == DeflatedExplicitVRLittleEndian:
            header = dcmread(self.path)
            yield BytesIO(header[_pixel_tag(header) or 0].value)
            return
        with self.path.open("rb") as stream:
            stream.seek(self.offset)
            yield stream

    def _native(self, stream: BinaryIO, index: int) -> bytes:
        first = index * self.values * self.bits
        start, end = first // 8, (first + self.values * self.bits + 7) // 8
        if end > self.length:
            raise EOFError
        stream.seek(start, 1)
        content = stream.read(end - start)
        if len(content) != end - start:
            raise EOFError
        if self.bits == 1:
            bits = np.unpackbits(np.frombuffer(content, np.uint8), bitorder="little")[first % 8 :][: self.values]
            return np.packbits(bits, bitorder="little").tobytes()
        if self.transfer_syntax == ExplicitVRBigEndian and self.bits > 8:
            return np.frombuffer(content, f">u{self.bits // 8}").byteswap().tobytes()
        return content


def find_pixels(path: Path) -> Pixels:
    """Raises RequestError 404: the file has no pixels; InputError: it is damaged."""
    try:
        status = path.stat()
        return _find(path, status.st_mtime_ns, status.st_size)
    except READ_ERRORS:
        raise InputError(f"{path.name} is damaged or gone; send it again.") from None


@lru_cache(maxsize=4096)
def _find(path: Path, changed: int, size: int) -> Pixels:
    header = read_header(path)
    tag = _pixel_tag(header)
    if tag is None and (not header or "Rows" in header):  # pydicom drops compressed pixels that have no end
        raise EOFError
    if tag is None:
        raise RequestError(404, "This instance has no pixels.")
    syntax = UID(text(header.file_meta, "TransferSyntaxUID") or PLAIN)
    raw = header.get_item(tag, keep_deferred=True)
    inflated = syntax == DeflatedExplicitVRLittleEndian
    length = len(header[tag].value) if inflated else getattr(raw, "length", 0)
    samples = integer(header, "SamplesPerPixel") or 1
    subsampled = text(header, "PhotometricInterpretation") == "YBR_FULL_422" and not syntax.is_compressed
    table = [value(header, keyword) for keyword in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths")]
    return Pixels(
        path=path,
        transfer_syntax=str(syntax),
        compressed=syntax.is_encapsulated,
        offset=getattr(raw, "value_tell", 0),
        length=size if length == _UNDEFINED else length,
        frames=max(integer(header, "NumberOfFrames") or 1, 1),
        bits=integer(header, "BitsAllocated") or 8,
        values=(integer(header, "Rows") or 0) * (integer(header, "Columns") or 0) * (2 if subsampled else samples),
        offsets=(table[0], table[1]) if isinstance(table[0], bytes) and isinstance(table[1], bytes) else None,
    )


def _pixel_tag(header: Dataset) -> int | None:
    return next((tag for tag in PIXELS if tag in header), None)
