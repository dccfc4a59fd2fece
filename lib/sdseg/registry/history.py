"""An append-only history: one JSON object a line, whole or not there."""

from __future__ import annotations

import errno
import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)

Event = dict[str, Any]


class History:
    """The events in `path`, oldest first.

    Who writes must hold the registry's lock. A line that was being written when its process was killed, or when the
    disk was full, is cut off by the next writer and unknown to every reader.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: tuple[tuple[int, int, int], list[Event]] | None = None

    def events(self) -> list[Event]:
        """All that happened; read again only when the file changed."""
        try:
            status = self._path.stat()
            stamp = (status.st_ino, status.st_size, status.st_mtime_ns)
            if self._known is None or self._known[0] != stamp:
                self._known = (stamp, list(_read(self._path)))
        except FileNotFoundError:
            return []
        return self._known[1]

    @contextmanager
    def adding(self, kind: str, **values: Any) -> Iterator[Event]:
        """The event is on the disk when the block begins, and gone again when the block fails.

        Raises OSError: the disk refuses; nothing has changed.
        """
        event = {"event": kind, "at": now(), **{key: value for key, value in values.items() if value is not None}}
        line = f"{json.dumps(event, ensure_ascii=True, allow_nan=False)}\n".encode()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("ab+", buffering=0) as file:
            whole = _whole_length(file.fileno())
            try:
                file.truncate(whole)
                if file.write(line) != len(line):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path))
                os.fsync(file.fileno())
                yield event
            except BaseException:
                file.truncate(whole)  # needs no space
                raise

    def add(self, kind: str, **values: Any) -> None:
        """Raises OSError."""
        with self.adding(kind, **values):
            pass


def now() -> str:
    """ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _whole_length(descriptor: int) -> int:
    """Bytes up to the end of the last whole line."""
    size = os.fstat(descriptor).st_size
    while size:
        start = max(0, size - 65536)
        end = os.pread(descriptor, size - start, start).rfind(b"\n")
        if end >= 0:
            return start + end + 1
        size = start
    return 0


def _read(path: Path) -> Iterator[Event]:
    for number, line in enumerate(path.read_bytes().split(b"\n")[:-1], 1):  # the last part ends in no line feed
        try:
            event = json.loads(line)
        except ValueError:
            event = None
        if isinstance(event, Mapping) and isinstance(event.get("event"), str):
            yield {**event}
        else:
            logger.warning("Line %d of %s is damaged and left aside.", number, path)
