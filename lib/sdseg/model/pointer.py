"""The pointer beside published weights folders: a file that names the one to be served."""

from __future__ import annotations

import re
from pathlib import Path

from sdseg.durable import replacing, sync

POINTER_FILE = "current"
NAME_DIGITS = 16
"""A published folder is named by so many digits of its SHA-256."""


def is_folder_name(name: str) -> bool:
    """Whether a published weights folder may be called so."""
    return re.fullmatch(rf"[0-9a-f]{{{NAME_DIGITS}}}", name) is not None


def read_pointer(models_dir: Path) -> str | None:
    """The name of the folder that is served; None where there is no pointer, "" where it is no such name."""
    try:
        name = (models_dir / POINTER_FILE).read_bytes().decode("ascii", "replace").strip()
    except FileNotFoundError:
        return None
    return name if is_folder_name(name) else ""


def point_at(models_dir: Path, name: str | None) -> None:
    """Replace the pointer in one step; None takes it away. Raises OSError."""
    pointer = models_dir / POINTER_FILE
    if name is None:
        pointer.unlink(missing_ok=True)
        sync(models_dir)
        return
    with replacing(pointer) as stream:
        stream.write(f"{name}\n".encode())
