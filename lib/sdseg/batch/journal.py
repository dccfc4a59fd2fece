"""What became of each series: a line of JSON each, on the disk before anything relies on it."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sdseg.durable import sync
from sdseg.errors import InputError


@dataclass(frozen=True)
class Entry:
    """One line.

    Attributes:
        key: identity of the result that it is about.
        event: planned, made, empty, failed or delivered.
        at: date and time, ISO 8601.
        sentence: why, of empty and failed.
        seconds: of each stage, of made.
        slices: how many, of made.
        target: where to, of delivered.
    """

    key: str
    event: str
    at: str
    sentence: str = ""
    seconds: dict[str, float] = field(default_factory=dict)
    slices: int = 0
    target: str = ""


class Journal:
    """Append-only; what a killed process left of a last line is dropped. May be used from several threads.

    Args:
        path: of the file, made where it is missing.

    Raises:
        InputError: it is no journal.
        OSError: the disk refuses.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._entries: dict[tuple[str, str, str], Entry] = {}
        whole = self._read(path)
        self._stream = path.open("ab")
        if path.stat().st_size > whole:
            os.truncate(path, whole)
        sync(path.parent)

    def add(self, entry: Entry) -> None:
        """Write a line; it is on the disk when this returns. Raises OSError."""
        self.add_all([entry])

    def add_all(self, entries: list[Entry]) -> None:
        """The same for several at once."""
        lines = "".join(json.dumps(_short(entry)) + "\n" for entry in entries)
        with self._lock:
            self._stream.write(lines.encode())
            self._stream.flush()
            os.fsync(self._stream.fileno())
            for entry in entries:
                self._remember(entry)

    def last(self, key: str, event: str, target: str = "") -> Entry | None:
        """The newest line of an event of one result."""
        return self._entries.get((key, event, target))

    def close(self) -> None:
        """Let go of the file."""
        self._stream.close()

    def _remember(self, entry: Entry) -> None:
        self._entries[entry.key, entry.event, entry.target] = entry

    def _read(self, path: Path) -> int:
        """Take up what is there; the number of bytes that are whole lines."""
        if not path.exists():
            return 0
        whole = 0
        with path.open("rb") as lines:
            for line in lines:
                if not line.endswith(b"\n"):
                    break
                try:
                    self._remember(Entry(**json.loads(line)))
                except (ValueError, TypeError):
                    raise InputError(f"{path} is damaged: remove it, and what is finished is kept.") from None
                whole += len(line)
        return whole


def _short(entry: Entry) -> dict[str, Any]:
    """Without what is empty."""
    return {name: value for name, value in asdict(entry).items() if value or name in ("key", "event", "at")}
