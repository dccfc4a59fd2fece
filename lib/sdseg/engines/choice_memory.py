"""What was chosen before, in a file below the user's cache folder.

The file is a convenience: where it is damaged, unwritable or somebody else's, engines are measured again.
"""

from __future__ import annotations

import fcntl
import json
import math
import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdseg.durable import replacing
from sdseg.engines.cache_folder import cache_folder

MOST_DISTURBED = 24 * 3600.0
"""Seconds for which a choice counts that a busy machine kept from being measured whole."""
_MOST_BYTES = 2**20
_MOST_ENTRIES, _MOST_AGREED = 100, 20
_turn = threading.Lock()


@dataclass(frozen=True)
class Remembered:
    """Attributes: engine, the seconds it took a slice, the SHA-256 of the weights whose masks it keeps, and the time,
    in seconds since the epoch, from which it is measured again (None: never)."""

    engine: str
    seconds: float
    agreed: tuple[str, ...] = ()
    until: float | None = None


def cache_file() -> Path | None:
    """`engines.json` in the cache folder; None where there is no home."""
    folder = cache_folder()
    return folder / "engines.json" if folder else None


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Of all threads, and of all processes that share the file: two that measure at once disturb each other.

    It must not be entered within itself.
    """
    path = cache_file()
    with _turn:
        stream = _open_lock(path) if path else None
        try:
            yield
        finally:
            if stream is not None:
                os.close(stream)  # which frees it, as the system does for a process that ends


def recall(key: str) -> Remembered | None:
    """What is remembered for `key`, where it can be read and is plausible."""
    return _entry(_read().get(key))


def remember(key: str, entry: Remembered) -> None:
    """Keep `entry`, or let it be where the disk refuses. Call it within `one_at_a_time`."""
    entries = {other: value for other, value in _read().items() if other != key and _entry(value)}
    kept = dict(list(entries.items())[1 - _MOST_ENTRIES :])
    agreed = list(entry.agreed[-_MOST_AGREED:])
    _write({**kept, key: {"engine": entry.engine, "seconds": entry.seconds, "agreed": agreed, "until": entry.until}})


def forget() -> int:
    """Forget everything. Returns how many entries there were. Raises OSError."""
    with one_at_a_time():
        path, count = cache_file(), len(_read())
        if path is not None:
            path.unlink(missing_ok=True)
    return count


def _open_lock(path: Path) -> int | None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        stream = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(stream, fcntl.LOCK_EX)
    except OSError:
        return None
    return stream


def _read() -> Mapping[str, Any]:
    path = cache_file()
    try:
        if path is None or not path.is_file() or path.stat().st_size > _MOST_BYTES:
            return {}
        entries = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return entries if isinstance(entries, dict) else {}


def _write(entries: Mapping[str, Any]) -> None:
    path = cache_file()
    if path is None:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as stream:
            stream.write(json.dumps(entries, indent=1).encode())
    except OSError:
        return


def _entry(value: Any) -> Remembered | None:
    """None too where its time is over."""
    match value:
        case {
            "engine": str(engine),
            "seconds": float(seconds),
            "agreed": list(agreed),
            "until": float() | None as until,
        }:
            good = math.isfinite(seconds) and seconds >= 0 and all(isinstance(one, str) for one in agreed)
            valid = until is None or (isinstance(until, float) and 0 < until - time.time() <= MOST_DISTURBED)
            return Remembered(engine, seconds, tuple(agreed), until) if good and valid else None
    return None
