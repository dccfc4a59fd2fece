"""A frame as a picture for people (PS3.18 10.4.1.1.3): JPEG or PNG, windowed as the file says."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset, dcmread

from sdseg.dicom.files import READ_ERRORS
from sdseg.dicom.header import integer, value
from sdseg.dicom.pixels import frame_values
from sdseg.dicom.source_frame import SourceFrame
from sdseg.dicomweb.accept import Offer, Range, require
from sdseg.dicomweb.answer import Answer
from sdseg.dicomweb.pixels import Pixels

THUMBNAIL = 128  # pixels
_FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG"}


def answer_picture(pixels: Pixels, number: int, accepted: Sequence[Range], largest: int | None = None) -> Answer:
    """Frame `number` (from 1), shrunk to at most `largest` pixels each way.

    Raises RequestError: no such frame, nothing acceptable; InputError: it cannot be decoded.
    """
    pixels.require(number)
    chosen = require(accepted, [Offer(media_type) for media_type in _FORMATS])
    try:
        dataset = dcmread(pixels.path)
        several = (integer(dataset, "NumberOfFrames") or 1) > 1
        values = frame_values(SourceFrame(dataset, number if several else None))
    except (*READ_ERRORS, RuntimeError, MemoryError):
        raise pixels.damaged() from None
    picture = Image.fromarray(values.astype(np.uint8) if values.ndim == 3 else _grey(values, dataset))
    if largest is not None:
        picture.thumbnail((largest, largest))
    buffer = BytesIO()
    picture.save(buffer, _FORMATS[chosen.media_type])
    content = buffer.getvalue()
    return Answer(200, chosen.media_type, [content], {"Content-Length": str(len(content))})


def _grey(values: NDArray[np.float32], dataset: Dataset) -> NDArray[np.uint8]:
    low, high = _window(values, dataset)
    return np.asarray(np.clip((values - low) / max(high - low, 1e-6), 0, 1) * 255, dtype=np.uint8)


def _window(values: NDArray[np.float32], dataset: Dataset) -> tuple[float, float]:
    """The first window of the file, else what most of its values span."""
    centre, width = (_first(value(dataset, keyword)) for keyword in ("WindowCenter", "WindowWidth"))
    if centre is not None and width is not None and width >= 1:
        return centre - width / 2, centre + width / 2
    low, high = np.percentile(values, (0.5, 99.5))
    return float(low), float(max(high, values.max() if high == low else high))


def _first(found: object) -> float | None:
    try:
        first = float(np.atleast_1d(np.asarray(found, dtype=np.float64))[0])
    except (ValueError, TypeError, IndexError):
        return None
    return first if np.isfinite(first) else None
