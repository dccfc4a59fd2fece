"""Careful reading of single header attributes: real headers hold text where numbers belong."""

import re
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException
from pydicom.sequence import Sequence

CODE_STRING = 16  # VR CS, PS3.5 6.2
UID_TEXT = re.compile(r"[0-9.]{1,64}")
# What pydicom raises when it converts the raw bytes of an attribute on first access.
VALUE_ERRORS = (
    BytesLengthException,
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    NotImplementedError,
    OverflowError,
    RecursionError,
    OSError,
    EOFError,
    struct.error,
)


def value(dataset: Dataset, keyword: str) -> object | None:
    """The value of an attribute, None where it is absent, empty or cannot be read."""
    try:
        found: object = dataset.get(keyword)
    except VALUE_ERRORS:
        return None
    return None if isinstance(found, str) and not found else found


def text(dataset: Dataset, keyword: str) -> str:
    """The value as one printable line without padding; several joined by backslashes; "" if absent."""
    found = value(dataset, keyword)
    if found is None or isinstance(found, Sequence):
        return ""
    parts = [found] if isinstance(found, str) or not hasattr(found, "__iter__") else list(found)
    joined = "\\".join(str(part).strip() for part in parts)
    return joined if joined.isprintable() else "".join(char if char.isprintable() else "?" for char in joined)


def short(dataset: Dataset, keyword: str) -> str:
    """The value for a message, cut to what a code string may hold: damaged headers run into the patient's name."""
    return text(dataset, keyword)[:CODE_STRING]


def uid(dataset: Dataset, keyword: str) -> str:
    """A unique identifier of digits and dots, at most 64 (PS3.5 9.1); "" where there is none or another text."""
    found = text(dataset, keyword)
    return found if UID_TEXT.fullmatch(found) else ""


def numbers(dataset: Dataset, keyword: str, count: int) -> NDArray[np.float64] | None:
    """Exactly `count` finite numbers, float64 `(count,)`; None where they cannot be had."""
    try:
        found = np.atleast_1d(np.asarray(value(dataset, keyword), dtype=np.float64))
    except (ValueError, TypeError):
        return None
    return found if found.shape == (count,) and bool(np.isfinite(found).all()) else None


def integer(dataset: Dataset, keyword: str) -> int | None:
    """One whole number, None where it cannot be had."""
    found = numbers(dataset, keyword, 1)
    return int(found[0]) if found is not None and found[0] == np.round(found[0]) else None


def file_name(dataset: Dataset) -> str:
    """Name, without folder, of the file the dataset was read from; "" where unknown."""
    name = getattr(dataset, "filename", None)
    return Path(name).name if isinstance(name, str | Path) else ""


def label(dataset: Dataset) -> str:
    """How messages call an instance: by its number and file, never by a patient attribute."""
    number, name = integer(dataset, "InstanceNumber"), file_name(dataset)
    if number is None:
        return name or uid(dataset, "SOPInstanceUID") or "an instance without number"
    return f"instance {number} ({name})" if name else f"instance {number}"


def enumerate_labels(labels: list[str], at_most: int = 3) -> str:
    """`a, b, c and 4 more`."""
    shown = ", ".join(labels[:at_most])
    return shown if len(labels) <= at_most else f"{shown} and {len(labels) - at_most} more"
