"""The size that a compressed frame itself claims, read before a decoder gives memory to it.

JPEG and JPEG-LS: the frame header (ITU-T T.81 B.2.2, T.87 C.2.2). JPEG 2000: the SIZ marker (T.800 A.5.1).
"""

import struct
from collections.abc import Iterator

from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames

from sdseg.dicom.header import VALUE_ERRORS, integer, value

START_OF_FRAME = frozenset({*range(0xC0, 0xD0), 0xF7}) - {0xC4, 0xC8, 0xCC}
WITHOUT_LENGTH = frozenset({0x01, 0xFF, *range(0xD0, 0xD9)})
SIZ = b"\xff\x4f\xff\x51"
JP2 = b"\x00\x00\x00\x0cjP  "


def streams_fit(dataset: Dataset) -> bool:
    """Whether there is a stream for each frame, and none claims another size than Rows and Columns."""
    size = (integer(dataset, "Rows"), integer(dataset, "Columns"))
    frames = integer(dataset, "NumberOfFrames") or 1
    count = 0
    try:
        for stream in streams(dataset, frames):
            count += 1
            if claimed_size(stream) not in (None, size):
                return False
    except (*VALUE_ERRORS, IndexError):
        return False
    return count == frames


def streams(dataset: Dataset, frames: int) -> Iterator[bytes]:
    """The compressed frames of an instance, one at a time."""
    table = value(dataset, "ExtendedOffsetTable"), value(dataset, "ExtendedOffsetTableLengths")
    offsets = table if all(isinstance(part, bytes) for part in table) else None
    yield from generate_frames(dataset.PixelData, number_of_frames=frames, extended_offsets=offsets)  # type: ignore[arg-type]


def claimed_size(stream: bytes) -> tuple[int, int] | None:
    """(rows, columns) of a JPEG, JPEG-LS or JPEG 2000 stream; None for others, and where it does not say."""
    if stream.startswith(b"\xff\xd8"):
        return size_in_jpeg(stream)
    if stream.startswith((SIZ, JP2)):
        at = stream.find(SIZ)
        if at < 0 or len(stream) < at + 24:
            return None
        right, bottom, left, top = struct.unpack_from(">4I", stream, at + 8)
        return bottom - top, right - left
    return None


def size_in_jpeg(stream: bytes) -> tuple[int, int] | None:
    """(rows, columns) of the first frame header."""
    at = 2
    while at + 9 <= len(stream) and stream[at] == 0xFF:
        marker = stream[at + 1]
        if marker in START_OF_FRAME:
            rows, columns = struct.unpack_from(">2H", stream, at + 5)
            return rows, columns
        at += 1 if marker == 0xFF else 2 if marker in WITHOUT_LENGTH else 2 + int.from_bytes(stream[at + 2 : at + 4])
    return None
