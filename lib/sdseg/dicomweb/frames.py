"""Frames of an instance (WADO-RS, PS3.18 10.4), as stored where the client takes that, else decoded."""

from __future__ import annotations

from collections.abc import Sequence

from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from sdseg.dicomweb.accept import OCTETS, PLAIN, Offer, Range, require
from sdseg.dicomweb.answer import Answer
from sdseg.dicomweb.multipart import Message, Part
from sdseg.dicomweb.pixels import Pixels

# Table 8.7.3-5
_KINDS: dict[str, str] = {
    JPEGBaseline8Bit: "image/jpeg",
    JPEGExtended12Bit: "image/jpeg",
    JPEGLossless: "image/jpeg",
    JPEGLosslessSV1: "image/jpeg",
    RLELossless: "image/dicom-rle",
    JPEGLSLossless: "image/jls",
    JPEGLSNearLossless: "image/jls",
    JPEG2000Lossless: "image/jp2",
    JPEG2000: "image/jp2",
    HTJ2KLossless: "image/jphc",
    HTJ2KLosslessRPCL: "image/jphc",
    HTJ2K: "image/jphc",
}


def answer_frames(pixels: Pixels, numbers: Sequence[int], accepted: Sequence[Range], url: str) -> Answer:
    """`url`: address of the instance. Raises RequestError: no such frame, nothing acceptable; InputError: damaged."""
    for number in numbers:
        pixels.require(number)
    chosen = require(accepted, offers(pixels, single=len(numbers) == 1))
    as_stored = chosen.transfer_syntax == pixels.transfer_syntax or not pixels.compressed
    read = pixels.stored if as_stored else pixels.decoded
    first = read(numbers[0])  # before anything is sent: a damaged file is told by a status
    media_type = f"{chosen.media_type}; transfer-syntax={chosen.transfer_syntax}"
    if not chosen.multipart:
        return Answer(200, media_type, [first], {"Content-Length": str(len(first))})
    parts = (
        Part(media_type, [first if number == numbers[0] else read(number)], f"{url}/frames/{number}")
        for number in numbers
    )
    message = Message(chosen.media_type, parts)
    return Answer(200, message.media_type, message)


def offers(pixels: Pixels, single: bool) -> list[Offer]:
    """The forms of a frame, as stored before decoded."""
    forms = [(OCTETS, PLAIN)]
    if pixels.compressed:
        stored = pixels.transfer_syntax
        forms = [(OCTETS, stored), *([(_KINDS[stored], stored)] if stored in _KINDS else []), (OCTETS, PLAIN)]
    several = [Offer(kind, syntax, multipart=True) for kind, syntax in forms]
    return [*several, *(Offer(kind, syntax) for kind, syntax in forms if single)]
