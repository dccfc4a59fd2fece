"""UIDs that arrive from others and end up in file names."""

import re

_UID = re.compile(r"[0-9]+(\.[0-9]+)*")


def is_uid(text: str) -> bool:
    """True for a DICOM UID. Such a text is also a harmless file name."""
    return len(text) <= 64 and _UID.fullmatch(text) is not None
