"""Files that are whole or not there, and stay there after a power cut."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A stream whose content becomes `path` in one step when the block ends well; else nothing changes.

    The bytes are on the disk before the name appears: a reader, or a crash, never meets half a file. Raises OSError.
    """
    partial = new_beside(path)
    try:
        with partial.open("xb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(partial, path)
        sync(path.parent)
    finally:
        partial.unlink(missing_ok=True)


def new_beside(path: Path) -> Path:
    """A hidden name beside `path` that nobody uses: readers of the folder skip names that begin with a dot."""
    return path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}.part")


def sync(path: Path) -> None:
    """fsync one file, or the names in one folder. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """fsync a folder and all below it. Raises OSError."""
    for item in [*folder.rglob("*"), folder]:
        sync(item)
