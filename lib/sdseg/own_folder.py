"""A folder of one process, and the removal of those that processes left which were killed."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PREFIX = "own-"


class OwnFolder:
    """A folder below `root` that this process alone uses, made when it is first needed and gone when it ends.

    The process holds a lock on it (flock, released by the kernel even after a kill): a folder whose lock is free
    belongs to nobody any more. A process that was forked from this one leaves it alone.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._path: Path | None = None
        self._making = threading.Lock()

    @property
    def path(self) -> Path:
        """Readable by this user alone; made, below a `root` that is made too. Raises OSError."""
        with self._making:
            if self._path is None or not self._path.is_dir():  # some machines clear /tmp now and then
                self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
                with _locked(self._root):  # nobody may find it between the two lines and take it for a dead one's
                    path = Path(tempfile.mkdtemp(dir=self._root, prefix=_PREFIX))
                    lock = _lock(path, fcntl.LOCK_EX)
                weakref.finalize(self, _end_own, path, lock, os.getpid())
                self._path = path
            return self._path

    def remove_left(self) -> None:
        """Remove the folders of processes that are no more."""
        if self._root.is_dir():
            with _locked(self._root):
                _remove_left(self._root)


def _remove_left(root: Path) -> None:
    for folder in root.glob(f"{_PREFIX}*"):
        try:
            lock = _lock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # in use, or removed meanwhile
            continue
        _end(folder, lock)


def _end_own(folder: Path, lock: int, process: int) -> None:
    if os.getpid() == process:
        _end(folder, lock)


def _end(folder: Path, lock: int) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    os.close(lock)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    lock = _lock(folder, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(lock)


def _lock(folder: Path, how: int) -> int:
    """A descriptor that holds the lock until it is closed. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, how)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
