"""From stored to modality values: decompression and the Modality LUT (PS3.3 C.11.1)."""

import math

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels import apply_modality_lut
from pydicom.uid import UID

from sdseg.dicom.files import READ_ERRORS
from sdseg.dicom.header import integer, label, numbers, text, value
from sdseg.errors import InputError

PHYSICAL_UNITS = ("CT", "PT")
"""Modalities whose rescaled values are measurements (HU, Bq/ml): MONOCHROME1 changes their display only."""


def modality_values(dataset: Dataset) -> NDArray[np.float32]:
    """Modality values of one image, float32 (rows, columns); bright is high. InputError names the culprit.

    A missing RescaleSlope or RescaleIntercept means identity. MONOCHROME1 is inverted, except in CT and PET.
    """
    stored = stored_values(dataset)
    inverted = text(dataset, "PhotometricInterpretation") == "MONOCHROME1"
    if inverted and text(dataset, "Modality") not in PHYSICAL_UNITS:
        stored = invert(stored, dataset)
    if value(dataset, "ModalityLUTSequence"):
        return np.asarray(apply_modality_lut(stored, dataset), dtype=np.float32)
    slope, intercept = rescale(dataset)
    return np.asarray(stored * slope + intercept, dtype=np.float32)


def stored_values(dataset: Dataset) -> NDArray[np.int64]:
    """Stored values, decompressed where needed: (rows, columns)."""
    try:
        array = dataset.pixel_array
    except (*READ_ERRORS, RuntimeError, MemoryError):
        raise InputError(unreadable_pixels(dataset)) from None
    if array.shape != (integer(dataset, "Rows"), integer(dataset, "Columns")):
        raise InputError(f"{label(dataset)} has pixels of shape {array.shape}: one grey-scale plane is needed.")
    return np.asarray(array, dtype=np.int64)


def check_complete(dataset: Dataset) -> None:
    """InputError where uncompressed pixels are cut short: a truncated file must not wait until it is used."""
    if compression(dataset):
        return
    bits = [integer(dataset, keyword) or 0 for keyword in ("Rows", "Columns", "BitsAllocated")]
    pixels = value(dataset, "PixelData")
    if not isinstance(pixels, bytes) or len(pixels) * 8 < math.prod(bits):
        raise InputError(unreadable_pixels(dataset))


def compression(dataset: Dataset) -> str:
    """Name of the transfer syntax of compressed pixels, "" where they are not compressed."""
    syntax = UID(text(getattr(dataset, "file_meta", Dataset()), "TransferSyntaxUID"))
    return syntax.name if syntax.is_transfer_syntax and syntax.is_compressed else ""


def unreadable_pixels(dataset: Dataset) -> str:
    """The sentence for pixels that cannot be decoded."""
    if syntax := compression(dataset):
        return (
            f"The pixels of {label(dataset)} cannot be decompressed ({syntax}): they are damaged, "
            "or a decoder is missing; send the series uncompressed."
        )
    return f"The pixels of {label(dataset)} are missing or truncated: send or copy the file again."


def rescale(dataset: Dataset) -> tuple[float, float]:
    """RescaleSlope and RescaleIntercept; identity where absent."""
    found = []
    for keyword, identity in (("RescaleSlope", 1.0), ("RescaleIntercept", 0.0)):
        number = numbers(dataset, keyword, 1)
        if number is None and keyword in dataset and text(dataset, keyword):
            raise InputError(f"{label(dataset)} has a {keyword} that is no number: export the series again.")
        found.append(identity if number is None else float(number[0]))
    if found[0] == 0:
        raise InputError(f"{label(dataset)} has a RescaleSlope of 0, which blanks it: export the series again.")
    return found[0], found[1]


def invert(stored: NDArray[np.int64], dataset: Dataset) -> NDArray[np.int64]:
    """Mirror stored values within the range that BitsStored and PixelRepresentation allow."""
    bits = integer(dataset, "BitsStored") or 16
    return (-1 - stored) if integer(dataset, "PixelRepresentation") else (2**bits - 1 - stored)
