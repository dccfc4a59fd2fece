"""From stored to modality values: decompression and the Modality LUT (PS3.3 C.11.1, C.7.6.16.2.9)."""

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels import apply_modality_lut, pixel_array
from pydicom.uid import (
    JPEG2000,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from sdseg.dicom.colour import rgb_values
from sdseg.dicom.decode_apart import decode_apart
from sdseg.dicom.files import READ_ERRORS
from sdseg.dicom.header import integer, numbers, text, value
from sdseg.dicom.pictures import channels_of
from sdseg.dicom.pixel_header import is_inverted, scale_of, unreadable_pixels
from sdseg.dicom.pixels_later import with_pixels
from sdseg.dicom.source_frame import SourceFrame
from sdseg.errors import InputError

ONLY_GDCM = (JPEGLossless, JPEGLosslessSV1)
DECODERS: dict[str, str] = {
    JPEGBaseline8Bit: "pillow",
    JPEGExtended12Bit: "pillow",
    JPEGLSLossless: "pyjpegls",
    JPEGLSNearLossless: "pyjpegls",
    JPEG2000Lossless: "pylibjpeg",
    JPEG2000: "pylibjpeg",
    RLELossless: "pydicom",
}


def frame_values(frame: SourceFrame) -> NDArray[np.float32]:
    """Values of one slice, float32: modality values (rows, columns), or RGB (rows, columns, 3).

    A missing RescaleSlope or RescaleIntercept means identity. MONOCHROME1 is inverted, except in CT and PET.
    InputError names the culprit.
    """
    return values_from(stored_values(frame), frame)


def values_from(stored: NDArray, frame: SourceFrame) -> NDArray[np.float32]:
    """The same from stored values of the frame, or a part of them; InputError where one is no number."""
    if channels_of(frame.dataset) == 3:
        return rgb_values(stored, frame)
    values = modality_values(np.asarray(stored, dtype=np.int64), frame)
    if not np.isfinite(values).all():
        raise InputError(f"{frame.label} has values that are no numbers: export it again.", (frame.sop_instance_uid,))
    return values


def modality_values(stored: NDArray[np.int64], frame: SourceFrame) -> NDArray[np.float32]:
    """Stored values through the Modality LUT or the rescale of the frame."""
    dataset = frame.dataset
    if is_inverted(dataset):
        stored = invert(stored, dataset)
    if value(dataset, "ModalityLUTSequence"):
        return looked_up(stored, frame)
    slope, intercept = rescale(frame)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(stored * slope + intercept, dtype=np.float32)


def looked_up(stored: NDArray[np.int64], frame: SourceFrame) -> NDArray[np.float32]:
    """Values of the Modality LUT Sequence (PS3.3 C.11.1.1)."""
    try:
        return np.asarray(apply_modality_lut(stored, frame.dataset), dtype=np.float32)
    except READ_ERRORS:
        raise InputError(
            f"{frame.label} has a Modality LUT that cannot be read: export it again.", (frame.sop_instance_uid,)
        ) from None


def stored_values(frame: SourceFrame) -> NDArray:
    """Stored values, decompressed where needed and YBR turned to RGB: (rows, columns) or (rows, columns, 3)."""
    dataset = frame.dataset
    try:
        array = decode(with_pixels(dataset), (frame.number or 1) - 1)
    except (*READ_ERRORS, RuntimeError, MemoryError):
        raise unreadable_pixels(dataset) from None
    samples = integer(dataset, "SamplesPerPixel") or 1
    plane = (integer(dataset, "Rows"), integer(dataset, "Columns"))
    if array.shape != (plane if samples == 1 else (*plane, samples)):
        raise InputError(
            f"{frame.label} has pixels of shape {array.shape}: one plane of {plane} is needed; export it again.",
            (frame.sop_instance_uid,),
        )
    return array


def decode(dataset: Dataset, index: int) -> NDArray:
    """One frame (0-based); what only GDCM decodes in a process apart, for on some damaged streams it crashes."""
    syntax = text(getattr(dataset, "file_meta", Dataset()), "TransferSyntaxUID")
    if syntax in ONLY_GDCM or (syntax == JPEGExtended12Bit and integer(dataset, "BitsStored") != 8):
        return decode_apart(dataset, index)
    return pixel_array(dataset, index=index, decoding_plugin=DECODERS.get(syntax, ""))


def rescale(frame: SourceFrame) -> tuple[float, float]:
    """RescaleSlope and RescaleIntercept; identity where absent."""
    scale, found = scale_of(frame), []
    for keyword, identity in (("RescaleSlope", 1.0), ("RescaleIntercept", 0.0)):
        number = numbers(scale, keyword, 1)
        if number is None and keyword in scale and text(scale, keyword):
            raise InputError(
                f"{frame.label} has a {keyword} that is no number: export the series again.", (frame.sop_instance_uid,)
            )
        found.append(identity if number is None else float(number[0]))
    if found[0] == 0:
        raise InputError(
            f"{frame.label} has a RescaleSlope of 0, which blanks it: export the series again.",
            (frame.sop_instance_uid,),
        )
    return found[0], found[1]


def invert(stored: NDArray[np.int64], dataset: Dataset) -> NDArray[np.int64]:
    """Mirror stored values within the range that BitsStored and PixelRepresentation allow."""
    bits = integer(dataset, "BitsStored") or 16
    return (-1 - stored) if integer(dataset, "PixelRepresentation") else (2**bits - 1 - stored)
