"""A folder of a process for what it has in hand; those of processes that were killed are swept."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sdseg.lock import locked

_LOCK = "lock"


class Scratch:
    """Below the folder for temporary files (TMPDIR), readable by this user alone, until the process ends.

    The kernel frees the lock of a process however it ends: the next one that starts removes what it left.

    Raises:
        OSError: the disk refuses.
    """

    def __init__(self) -> None:
        self._base = Path(tempfile.gettempdir()) / f"sdseg-batch-{os.getuid()}"
        self._base.mkdir(mode=0o700, exist_ok=True)
        if self._base.stat().st_uid != os.getuid() or self._base.is_symlink():
            raise PermissionError(13, "the folder for temporary files is somebody else's", str(self._base))
        with locked(self._base / _LOCK):  # nobody sweeps what another is just making
            _sweep(self._base)
            self._folder = Path(tempfile.mkdtemp(dir=self._base, prefix=f"{os.getpid()}-"))
            self._lock = _lock(self._folder)

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """A new folder that goes when the block ends."""
        with tempfile.TemporaryDirectory(dir=self._folder, ignore_cleanup_errors=True) as name:
            yield Path(name)

    def close(self) -> None:
        """Remove all of it."""
        shutil.rmtree(self._folder, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _sweep(base: Path) -> None:
    for folder in base.iterdir():
        if (folder / _LOCK).is_file() and (lock := _lock(folder)) is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


def _lock(folder: Path) -> int | None:
    """The lock of a folder, None while another process holds it."""
    try:
        descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except FileNotFoundError:  # swept by another
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
