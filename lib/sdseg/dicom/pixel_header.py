"""What the header says about the pixels, checked before they are decoded (PS3.3 C.7.6.3 Image Pixel)."""

import math
from collections.abc import Iterable

from pydicom.dataset import Dataset
from pydicom.uid import UID

from sdseg.dicom.codestream import streams_fit
from sdseg.dicom.groups import group
from sdseg.dicom.header import enumerate_labels, integer, label, short, text, uid, value
from sdseg.dicom.named import refusal_of
from sdseg.dicom.pictures import COLOUR_BITS, GREY
from sdseg.dicom.pixels_later import left_on_disk
from sdseg.dicom.source_frame import SourceFrame
from sdseg.errors import InputError

PHYSICAL_UNITS = ("CT", "PT")
"""Modalities whose rescaled values are measurements (HU, Bq/ml): MONOCHROME1 changes their display only."""
COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT", "PALETTE COLOR")
SUBSAMPLED = "YBR_FULL_422"  # two thirds of the samples are stored


def check_pixel_header(dataset: Dataset, colour: bool) -> None:
    """InputError for pixels that cannot be read: cut short, of an unknown colour space or too many bits."""
    found = text(dataset, "PhotometricInterpretation")
    known = ("", *GREY, *COLOUR) if colour else ("", *GREY)
    if found not in known:
        shown = short(dataset, "PhotometricInterpretation")
        raise refusal_of(
            f"{label(dataset)} has the PhotometricInterpretation {shown}, which cannot be segmented: "
            f"send it as {'RGB or grey scale' if colour else 'grey scale'}.",
            uid(dataset, "SOPInstanceUID"),
        )
    bits = integer(dataset, "BitsAllocated")
    if found in COLOUR and found != "PALETTE COLOR" and bits != COLOUR_BITS:
        raise refusal_of(
            f"{label(dataset)} has {bits} bits for each colour: send it with {COLOUR_BITS}.",
            uid(dataset, "SOPInstanceUID"),
        )
    check_complete(dataset)


def check_complete(dataset: Dataset) -> None:
    """InputError where pixels are cut short, or streams claim another size: that must not wait until they are used."""
    left = left_on_disk(dataset)
    if left is not None:
        if not left.complete:
            raise unreadable_pixels(dataset)
        return
    pixels = value(dataset, "PixelData")
    if not isinstance(pixels, bytes) or not pixels:
        raise unreadable_pixels(dataset)
    if compression(dataset):
        if not streams_fit(dataset):
            raise unreadable_pixels(dataset)
        return
    bits = [integer(dataset, keyword) or 0 for keyword in ("Rows", "Columns", "BitsAllocated")]
    bits += [integer(dataset, keyword) or 1 for keyword in ("NumberOfFrames", "SamplesPerPixel")]
    stored = 2 / 3 if text(dataset, "PhotometricInterpretation") == SUBSAMPLED else 1
    if len(pixels) * 8 < math.prod(bits) * stored:
        raise unreadable_pixels(dataset)


def is_complete(dataset: Dataset) -> bool:
    """Whether `check_complete` accepts the pixels."""
    try:
        check_complete(dataset)
    except InputError:
        return False
    return True


def compression(dataset: Dataset) -> str:
    """Name of the transfer syntax of compressed pixels, "" where they are not compressed."""
    syntax = UID(text(getattr(dataset, "file_meta", Dataset()), "TransferSyntaxUID"))
    return syntax.name if syntax.is_transfer_syntax and syntax.is_encapsulated else ""


def unreadable_pixels(dataset: Dataset) -> InputError:
    """The error for pixels that cannot be decoded."""
    what = f"The pixels of {label(dataset)} are missing or truncated: send or copy the file again."
    if syntax := compression(dataset):
        what = (
            f"The pixels of {label(dataset)} cannot be decompressed ({syntax}): they are damaged, "
            "or a decoder is missing; send the series uncompressed."
        )
    return InputError(what, (uid(dataset, "SOPInstanceUID"),))


def pixel_corrections(frames: Iterable[SourceFrame]) -> tuple[str, ...]:
    """What is done to values because of the header: inversion, and measurements without their scale."""
    inverted = [frame.label for frame in frames if is_inverted(frame.dataset)]
    unscaled = [frame.label for frame in frames if lacks_scale(frame)]
    done = []
    if inverted:
        done.append(f"{enumerate_labels(inverted)} are MONOCHROME1: their values are inverted, so that bright is high.")
    if unscaled:
        done.append(f"{enumerate_labels(unscaled)} have no RescaleSlope: their stored values are taken as they are.")
    return tuple(done)


def is_inverted(dataset: Dataset) -> bool:
    """Whether low values are bright and no measurements."""
    inverse = text(dataset, "PhotometricInterpretation") == "MONOCHROME1"
    return inverse and text(dataset, "Modality") not in PHYSICAL_UNITS


def lacks_scale(frame: SourceFrame) -> bool:
    """Whether the values should be measurements but nothing says their unit."""
    if text(frame.dataset, "Modality") not in PHYSICAL_UNITS or value(frame.dataset, "ModalityLUTSequence"):
        return False
    return not text(scale_of(frame), "RescaleSlope")


def scale_of(frame: SourceFrame) -> Dataset:
    """What holds RescaleSlope and RescaleIntercept: the instance, or the frame's functional group."""
    if "PerFrameFunctionalGroupsSequence" not in frame.dataset:
        return frame.dataset
    return group(frame, "PixelValueTransformationSequence")
