"""The pixels of a SEG, one frame at a time: a claim is checked before memory is given to it (PS3.5 8, PS3.3 A.51)."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels import get_decoder
from pydicom.uid import JPEG2000, UID, JPEG2000Lossless, JPEGLSLossless, RLELossless

from sdseg.dicom.header import VALUE_ERRORS, integer, text
from sdseg.dicom.seg_on_disk import StoredBytes, pixels_on_disk
from sdseg.errors import LabelError

DECODING_ERRORS = (*VALUE_ERRORS, RuntimeError, IndexError, OSError, EOFError)

DECODERS = {JPEG2000Lossless: "pylibjpeg", JPEG2000: "pylibjpeg", JPEGLSLossless: "pyjpegls", RLELossless: "pydicom"}
"""Plug-ins that raise on damaged pixels; GDCM, which pydicom asks first, may end the process. Nothing else is read."""
DCMJS = "2.25.80302813137786398554742050926734630921603366648225212145404"
"""ImplementationClassUID of OHIF's DICOM library."""


def frame_pixels(seg: Dataset, frames: int, largest: int) -> Iterator[NDArray[np.unsignedinteger]]:
    """`frames` arrays (rows, columns): 0/1 where stored in bits, else stored values.

    LabelError: another NumberOfFrames, frames of more than `largest` pixels, pixels that are missing, cut off or in a
    compression that none of pydicom's decoders knows.
    """
    check_claims(seg, frames, largest)
    try:
        yield from stored_frames(seg)
    except DECODING_ERRORS:
        raise LabelError(
            "The pixels of the SEG are missing, truncated or cannot be decompressed: export it again."
        ) from None


def check_claims(seg: Dataset, frames: int, largest: int) -> None:
    """LabelError where the header tells of frames that cannot be there, or of more than one sample per pixel."""
    claimed = integer(seg, "NumberOfFrames") if "NumberOfFrames" in seg else 1
    if claimed != frames:
        raise LabelError(f"The SEG has {claimed} frames but describes {frames}: export it again.")
    rows, columns = integer(seg, "Rows") or 0, integer(seg, "Columns") or 0
    if rows < 1 or columns < 1 or rows * columns > largest:
        raise LabelError(f"The SEG claims frames of {rows} x {columns} pixels, which do not fit the series.")
    bits, samples = integer(seg, "BitsAllocated"), integer(seg, "SamplesPerPixel") or 1
    if samples != 1 or bits not in (1, 8, 16):
        raise LabelError(f"The SEG has {samples} samples of {bits} bits per pixel: 1, 8 or 16 bits are read.")


def stored_frames(seg: Dataset) -> Iterator[NDArray[np.unsignedinteger]]:
    """Frame after frame, decompressed."""
    syntax = UID(seg.file_meta.TransferSyntaxUID)
    if integer(seg, "BitsAllocated") == 1 and not syntax.is_encapsulated:
        yield from packed(seg)
    elif integer(seg, "BitsAllocated") == 1 and syntax == RLELossless:
        yield from packed_rle(seg)
    elif integer(seg, "BitsAllocated") == 8 and (on_disk := pixels_on_disk(seg)) is not None:
        yield from whole_bytes(seg, on_disk)
    else:
        if syntax.is_encapsulated and syntax not in DECODERS:
            known = ", ".join(known.name for known in DECODERS)
            raise LabelError(f"The SEG is compressed as {syntax.name}; save it uncompressed, or as one of {known}.")
        for pixels, _ in get_decoder(syntax).iter_array(seg, raw=True, decoding_plugin=DECODERS.get(syntax, "")):
            yield pixels


def packed(seg: Dataset) -> Iterator[NDArray[np.unsignedinteger]]:
    """Frames of bits, one behind the other without filling bits (PS3.5 8.1.1): pydicom loses some across a byte."""
    on_disk = pixels_on_disk(seg)
    stored = np.frombuffer(seg.PixelData, dtype=np.uint8) if on_disk is None else on_disk
    rows, columns, frames = int(seg.Rows), int(seg.Columns), int(seg.get("NumberOfFrames") or 1)
    size, step = rows * columns, bits_from_frame_to_frame(seg, stored.size)
    if stored.size * 8 < (frames - 1) * step + size:
        raise ValueError("fewer bits than pixels")
    for first in range(0, frames * step, step):
        bits = np.unpackbits(stored[first // 8 : -(-(first + size) // 8)], bitorder="little")
        yield bits[first % 8 : first % 8 + size].reshape(rows, columns)


def whole_bytes(seg: Dataset, stored: StoredBytes) -> Iterator[NDArray[np.uint8]]:
    """Frames of bytes that are still on the disk."""
    rows, columns = int(seg.Rows), int(seg.Columns)
    for index in range(int(seg.get("NumberOfFrames") or 1)):
        yield stored[index * rows * columns : (index + 1) * rows * columns].reshape(rows, columns)


def bits_from_frame_to_frame(seg: Dataset, length: int) -> int:
    """The pixels of a frame, or, in a Pixel Data of `length` bytes by OHIF's adapters 5, whole bytes of them.

    LabelError where the length allows both.
    """
    size, frames = int(seg.Rows) * int(seg.Columns), int(seg.get("NumberOfFrames") or 1)
    filled = -(-size // 8) * 8
    if frames == 1 or filled == size or length not in (frames * filled // 8, even(frames * filled // 8)):
        return size
    if even(-(-frames * size // 8)) != even(frames * filled // 8):
        return filled
    if text(seg.file_meta, "ImplementationClassUID") == DCMJS:
        raise LabelError("The bits of the SEG can be read in two ways: save it as LABELMAP or RLE compressed instead.")
    return size


def even(length: int) -> int:
    """The length of a value with its padding."""
    return length + length % 2


def packed_rle(seg: Dataset) -> Iterator[NDArray[np.unsignedinteger]]:
    """BINARY frames that OHIF stores in RLE: each packs its bits from its own first byte on, before compression."""
    rows, columns = int(seg.Rows), int(seg.Columns)
    decoder, packed_bytes = get_decoder(RLELossless), -(-rows * columns // 8)
    for bits, _ in decoder.iter_array(seg, raw=True, rows=1, columns=packed_bytes, bits_allocated=8, bits_stored=8):
        yield np.unpackbits(bits.ravel(), bitorder="little", count=rows * columns).reshape(rows, columns)
