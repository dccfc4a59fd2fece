"""An instance in the default transfer syntax (Explicit VR Little Endian), for clients that take no other."""

from __future__ import annotations

import logging
from io import BytesIO
from pathlib import Path

import numpy as np
from pydicom import DataElement, Dataset, dcmread, dcmwrite
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian

from sdseg.dicom.files import READ_ERRORS
from sdseg.dicom.header import integer
from sdseg.dicom.pixels import decode

logger = logging.getLogger(__name__)
_WORDS = {"OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}
_OF_COMPRESSED = ("ExtendedOffsetTable", "ExtendedOffsetTableLengths")


def in_plain_syntax(path: Path) -> bytes | None:
    """The whole file; None, told in the log, when its pixels cannot be decoded."""
    try:
        dataset = dcmread(path)
        if UID(dataset.file_meta.TransferSyntaxUID).is_encapsulated:
            _decompress(dataset)
        if dataset.file_meta.TransferSyntaxUID == ExplicitVRBigEndian:
            dataset.walk(_turn)
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        buffer = BytesIO()
        dcmwrite(buffer, dataset, implicit_vr=False, little_endian=True, enforce_file_format=True)
    except (*READ_ERRORS, RuntimeError, MemoryError) as error:
        logger.warning("%s is sent as it is stored: it cannot be decoded (%s)", path, type(error).__name__)
        return None
    return buffer.getvalue()


def _turn(dataset: Dataset, element: DataElement) -> None:
    """Words of several bytes, which pydicom leaves as they lie."""
    size = _WORDS.get(str(element.VR))
    if size is not None and isinstance(element.value, bytes):
        element.value = np.frombuffer(element.value, f">u{size}").byteswap().tobytes()


def _decompress(dataset: Dataset) -> None:
    """Colour becomes interleaved RGB, as our decoders give it."""
    frames = [decode(dataset, index) for index in range(integer(dataset, "NumberOfFrames") or 1)]
    content = b"".join(np.ascontiguousarray(frame).astype(frame.dtype.newbyteorder("<")).tobytes() for frame in frames)
    for keyword in _OF_COMPRESSED:
        if keyword in dataset:
            delattr(dataset, keyword)
    if integer(dataset, "SamplesPerPixel") == 3:
        dataset.PhotometricInterpretation, dataset.PlanarConfiguration = "RGB", 0
    dataset.PixelData = content + b"\0" * (len(content) % 2)
    dataset["PixelData"].VR = "OW" if (integer(dataset, "BitsAllocated") or 8) > 8 else "OB"
    dataset["PixelData"].is_undefined_length = False
