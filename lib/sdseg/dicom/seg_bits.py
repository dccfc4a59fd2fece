"""The Pixel Data of a SEG, a frame at a time (PS3.5 8.1.1, PS3.3 C.8.20.2)."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from sdseg.dicom.seg_planes import MaskPlanes

FrameKey = tuple[int, int | None]
"""Slice of a frame and its segment; None for all of them (LABELMAP)."""


def pixel_data(planes: MaskPlanes, frames: Sequence[FrameKey]) -> Iterator[bytes]:
    """The bytes of all frames in their order, of an even length together.

    BINARY frames are bits, one frame behind the other without filling bits; those of a LABELMAP are bytes.
    """
    left, length = np.empty(0, dtype=np.uint8), 0
    for index, segment in frames:
        plane = planes.plane(index)
        if segment is None:
            piece = np.ascontiguousarray(plane).tobytes()
        else:
            bits = (plane == segment).astype(np.uint8).ravel()
            piece, left = packed(np.concatenate([left, bits]) if left.size else bits)
        length += len(piece)
        yield piece
    last = np.packbits(left, bitorder="little").tobytes()
    yield last + b"\0" * ((length + len(last)) % 2)


def packed(bits: NDArray[np.uint8]) -> tuple[bytes, NDArray[np.uint8]]:
    """Whole bytes of `bits`, and the bits that are left."""
    whole = bits.size - bits.size % 8
    return np.packbits(bits[:whole], bitorder="little").tobytes(), bits[whole:].copy()
