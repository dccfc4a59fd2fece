"""Results on disk under a key made of everything that went into them; the least recently used go first."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path

from sdseg.durable import replacing

_DIGEST = 32
_SUFFIX = ".result"


class ResultCache:
    """Entries below `folder`, which several processes may share.

    Args:
        folder: nothing else lies there.
        limit: bytes; 0 keeps nothing.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder = folder
        self._limit = limit

    def get(self, key: str) -> bytes | None:
        """What was put there; None where nothing is, or what is there is damaged."""
        path = self._path(key)
        try:
            stored = path.read_bytes()
            if hashlib.sha256(stored[_DIGEST:]).digest() != stored[:_DIGEST]:
                return None  # the next put replaces it
            os.utime(path)
        except OSError:
            return None
        return stored[_DIGEST:]

    def put(self, key: str, content: bytes) -> None:
        """Keep it whole or not at all. A disk that refuses costs the entry and nothing else."""
        if len(content) + _DIGEST > self._limit:
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with replacing(self._path(key)) as stream:
                stream.write(hashlib.sha256(content).digest())
                stream.write(content)
        except OSError:
            return
        self._shrink()

    def _path(self, key: str) -> Path:
        if not re.fullmatch(r"[0-9a-f]{64}", key):
            raise ValueError("a key is a SHA-256 in hexadecimal")
        return self._folder / f"{key}{_SUFFIX}"

    def _shrink(self) -> None:
        found = []
        for entry in os.scandir(self._folder):
            if entry.name.endswith(_SUFFIX) and not entry.name.startswith("."):
                try:
                    status = entry.stat()
                except OSError:  # another process was faster
                    continue
                found.append((status.st_mtime_ns, status.st_size, Path(entry.path)))
        size = sum(each for _, each, _ in found)
        for _, each, path in sorted(found):
            if size <= self._limit:
                return
            path.unlink(missing_ok=True)
            size -= each


def key_of(parts: Mapping[str, object]) -> str:
    """A key that differs when any of the parts does; their order does not matter."""
    return hashlib.sha256(repr(sorted(parts.items())).encode()).hexdigest()


def digest_of(path: Path) -> str:
    """SHA-256 over the content of a file and its suffixes, or over names and contents of the files of a folder.

    Always read anew: a file may be replaced under its name, in the same second and of the same size. Raises OSError.
    """
    digest = hashlib.sha256()
    for file in sorted(path.iterdir()) if path.is_dir() else [path]:
        name = file.name if path.is_dir() else "".join(file.suffixes)
        with file.open("rb") as stream:
            content = hashlib.file_digest(stream, "sha256").hexdigest()
        digest.update(f"{name}\0{content}\n".encode())
    return digest.hexdigest()
