"""A SEG file that is whole or not there."""

from pathlib import Path

from pydicom.dataset import Dataset

from sdseg.durable import replacing
from sdseg.errors import InputError


def save_seg(seg: Dataset, path: str | Path) -> Path:
    """Write a PS3.10 file in one step and return its path; InputError where it cannot be written."""
    path = Path(path)
    try:
        with replacing(path) as file:
            seg.save_as(file, enforce_file_format=True)
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}): choose another place.") from None
    return path
