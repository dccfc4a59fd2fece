"""Small files for their owner's eyes only: tokens, logins."""

from __future__ import annotations

import stat
from pathlib import Path

from sdseg.errors import InputError

_LARGEST = 1 << 20  # bytes


def read_private(path: Path, what: str, remedy: str) -> tuple[str, bool]:
    """The text, and whether others can read or change the file.

    Args:
        path: of the file.
        what: it is, for messages, like "token file".
        remedy: what to do where there is no such file.

    Raises:
        InputError: missing, unreadable, no text, or larger than 1 MiB.
    """
    try:
        status = path.stat()
        if status.st_size > _LARGEST:
            raise InputError(f"The {what} {path} is too large to be one; {remedy}.")
        return path.read_text(encoding="utf-8"), bool(stat.S_IMODE(status.st_mode) & 0o077)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise InputError(f"The {what} {path} cannot be read: {reason}; {remedy}.") from None
