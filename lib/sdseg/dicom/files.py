"""DICOM files on disk (PS3.10): which files are DICOM, and reading one without a raw pydicom traceback."""

import struct
import zlib
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import FileDataset
from pydicom.errors import BytesLengthException, InvalidDicomError

from sdseg.errors import InputError

PREAMBLE, PREFIX = 128, b"DICM"
READ_ERRORS = (
    InvalidDicomError,
    BytesLengthException,
    OSError,
    EOFError,
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    IndexError,
    NotImplementedError,
    OverflowError,
    RecursionError,
    struct.error,
    zlib.error,
)
"""What pydicom raises on a damaged file."""


def is_dicom(path: Path) -> bool:
    """Whether the file carries the DICOM prefix; files without preamble are not recognised."""
    try:
        with path.open("rb") as file:
            return file.read(PREAMBLE + len(PREFIX))[PREAMBLE:] == PREFIX
    except OSError:
        return False


def is_series(path: Path) -> bool:
    """Whether a path is read as a DICOM series: a folder, or one DICOM file, which may hold a whole series."""
    return path.is_dir() or (path.is_file() and is_dicom(path))


def read_header(path: Path, keywords: list[str]) -> FileDataset:
    """Only these attributes, without pixels; raises one of READ_ERRORS."""
    return dcmread(path, stop_before_pixels=True, specific_tags=list(keywords))


def read_file(path: Path) -> FileDataset:
    """The whole file, or InputError naming it."""
    if not path.exists():
        raise InputError(f"{path} does not exist: check the path.")
    if not is_dicom(path):
        raise InputError(f"{path.name} is not a DICOM file, or may not be read: leave it out.")
    try:
        dataset = dcmread(path)
        dataset.filename = str(path)
    except READ_ERRORS:
        raise InputError(f"{path.name} is truncated or damaged: send or copy it again.") from None
    return dataset
