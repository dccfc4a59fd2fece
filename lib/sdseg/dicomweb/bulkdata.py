"""Values that metadata only refer to (WADO-RS, PS3.18 10.4.1.1.4)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from pydicom import Dataset

from sdseg.dicom.files import READ_ERRORS
from sdseg.dicomweb.accept import OCTETS, PLAIN, Offer, Range, require
from sdseg.dicomweb.answer import Answer, RequestError
from sdseg.dicomweb.dicom_json import PIXELS, read_header
from sdseg.dicomweb.frames import answer_frames
from sdseg.dicomweb.multipart import Message, Part
from sdseg.dicomweb.pixels import find_pixels
from sdseg.errors import InputError


def answer_bulkdata(path: Path, what: str, accepted: Sequence[Range], url: str) -> Answer:
    """`what`: tags and numbers of items, "00480105/0/00282000"; `url`: address of the instance.

    Raises RequestError: nothing there, nothing acceptable; InputError: damaged.
    """
    steps = what.split("/")
    if len(steps) == 1 and _tag(steps[0]) in PIXELS:
        return _pixels(path, accepted, url)
    content = _value(path, steps)
    return _octets([content], len(content), accepted, f"{url}/bulkdata/{what}")


def _pixels(path: Path, accepted: Sequence[Range], url: str) -> Answer:
    """Compressed pixels are sent frame by frame."""
    pixels = find_pixels(path)
    if pixels.compressed:
        return answer_frames(pixels, range(1, pixels.frames + 1), accepted, url)
    return _octets(pixels.pieces(), pixels.length, accepted, f"{url}/bulkdata/7FE00010")


def _octets(content: Iterable[bytes], length: int, accepted: Sequence[Range], location: str) -> Answer:
    chosen = require(accepted, [Offer(OCTETS, PLAIN), Offer(OCTETS, PLAIN, multipart=True)])
    if not chosen.multipart:
        return Answer(200, OCTETS, content, {"Content-Length": str(length)})
    message = Message(OCTETS, [Part(OCTETS, content, location)])
    return Answer(200, message.media_type, message)


def _value(path: Path, steps: list[str]) -> bytes:
    try:
        dataset = read_header(path)
        for tag, item in zip(steps[:-1:2], steps[1::2], strict=False):
            dataset = dataset[_tag(tag)].value[int(item[:9])]
        value = dataset[_tag(steps[-1])].value if isinstance(dataset, Dataset) and len(steps) % 2 else None
    except (KeyError, IndexError, TypeError):
        value = None
    except READ_ERRORS:
        raise InputError(f"{path.name} is damaged or gone; send it again.") from None
    if not isinstance(value, bytes):
        raise RequestError(404, "This instance has no such bulk data; its metadata tell what there is.")
    return value


def _tag(text: str) -> int:
    """Raises KeyError."""
    try:
        return int(text, 16) if len(text) == 8 else _none(text)
    except ValueError:
        raise KeyError(text) from None


def _none(text: str) -> int:
    raise KeyError(text)
