"""Values that metadata only refer to (WADO-RS, PS3.18 10.4.1.1.4)."""

from __future__ import annotations

import re
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

_FORM = re.compile(r"[0-9A-Fa-f]{8}(/[0-9]{1,6}/[0-9A-Fa-f]{8})*")


def answer_bulkdata(path: Path, what: str, accepted: Sequence[Range], url: str) -> Answer:
    """`what`: tags and numbers of items, "00480105/0/00282000"; `url`: address of the instance.

    Raises RequestError: nothing there, nothing acceptable; InputError: damaged.
    """
    if not _FORM.fullmatch(what):
        raise _nothing()
    steps = [int(step, 16) for step in what.split("/")[::2]]
    items = [int(number) for number in what.split("/")[1::2]]
    if len(steps) == 1 and steps[0] in PIXELS:
        return _pixels(path, accepted, url)
    content = _value(path, steps, items)
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


def _value(path: Path, steps: list[int], items: list[int]) -> bytes:
    try:
        dataset = read_header(path)
        for tag, item in zip(steps, items, strict=False):
            dataset = _items_at(dataset, tag)[item]
        value = dataset[steps[-1]].value
    except (KeyError, IndexError):
        raise _nothing() from None
    except READ_ERRORS:
        raise InputError(f"{path.name} is damaged or gone; send it again.") from None
    if not isinstance(value, bytes):
        raise _nothing()
    return value


def _items_at(dataset: Dataset, tag: int) -> Sequence[Dataset]:
    """Raises KeyError, also for what is no sequence."""
    element = dataset[tag]
    if element.VR != "SQ":
        raise KeyError(tag)
    return list(element.value)


def _nothing() -> RequestError:
    return RequestError(404, "This instance has no such bulk data; its metadata tell what there is.")
