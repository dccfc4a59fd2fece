"""Colour pictures as 8-bit RGB, the same that a PNG of them holds (PS3.3 C.7.6.3.1.2)."""

import numpy as np
from numpy.typing import NDArray
from pydicom.pixels import apply_color_lut

from sdseg.dicom.files import READ_ERRORS
from sdseg.dicom.header import text
from sdseg.dicom.source_frame import SourceFrame
from sdseg.errors import InputError


def rgb_values(stored: NDArray, frame: SourceFrame) -> NDArray[np.float32]:
    """RGB 0 to 255, float32 (rows, columns, 3), of decoded pixels, which are RGB already or indices of a palette."""
    if text(frame.dataset, "PhotometricInterpretation") != "PALETTE COLOR":
        return np.asarray(stored, dtype=np.float32)
    try:
        looked_up = apply_color_lut(stored, frame.dataset)
    except (*READ_ERRORS, RuntimeError):
        raise InputError(f"{frame.label} has no usable palette: export it as RGB.", (frame.sop_instance_uid,)) from None
    eight_bits = looked_up >> 8 if looked_up.dtype == np.uint16 else looked_up
    return np.asarray(eight_bits[..., :3], dtype=np.float32)
