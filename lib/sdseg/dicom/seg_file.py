"""A SEG file that is whole or not there."""

import os
import uuid
from pathlib import Path

from pydicom.dataset import Dataset

from sdseg.errors import InputError


def save_seg(seg: Dataset, path: str | Path) -> Path:
    """Write a PS3.10 file in one step and return its path; InputError where it cannot be written.

    The bytes are on the disk before the name appears: a reader, or a crash, never meets half a file.
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        with partial.open("xb") as file:
            seg.save_as(file, enforce_file_format=True)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
        sync_folder(path.parent)
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}): choose another place.") from None
    finally:
        partial.unlink(missing_ok=True)
    return path


def sync_folder(folder: Path) -> None:
    """Make the new name itself outlast a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
