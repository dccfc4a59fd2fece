"""Temporary files with a patient's data: below a folder of this process, which goes with it or at the next start."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from sdseg.errors import InputError
from sdseg.own_folder import OwnFolder


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A new folder that goes when the block ends. Raises OSError."""
    with tempfile.TemporaryDirectory(dir=_own().path, ignore_cleanup_errors=True) as name:
        yield Path(name)


def new_scratch_folder() -> Path:
    """A new folder, for the caller to remove. Raises OSError."""
    return Path(tempfile.mkdtemp(dir=_own().path))


def new_scratch_file(suffix: str) -> Path:
    """A new empty file whose name ends with `suffix`, for the caller to remove. Raises OSError."""
    descriptor, name = tempfile.mkstemp(dir=_own().path, suffix=suffix)
    os.close(descriptor)
    return Path(name)


def sweep_scratch() -> None:
    """Remove what processes left here that were killed; call when a process starts.

    Raises InputError: another user has made the folder before us.
    """
    _own().remove_left()


def _own() -> OwnFolder:
    return _own_of(os.getpid(), tempfile.gettempdir())


@cache
def _own_of(process: int, temporary: str) -> OwnFolder:
    """One for each process: one that was forked has another."""
    root = Path(temporary) / f"sdseg-{os.getuid()}"
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    if root.is_symlink() or root.stat().st_uid != os.getuid():  # whoever owns it could read and replace what is in it
        raise InputError(f"{root}, for temporary files, is another user's; set TMPDIR to a folder of your own.")
    return OwnFolder(root)
