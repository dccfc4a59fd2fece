"""What is in weights folders, hashed again only where a file changed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from sdseg.durable import replacing
from sdseg.errors import WeightsError
from sdseg.model.weights import combined_sha256, file_sha256, identity_files

Digests = dict[str, str]


class Contents:
    """File -> SHA-256 of weights folders, remembered in the file `memory` by size, times and inode of each file.

    Hashing Stable Diffusion's weights takes seconds; looking at a dozen files takes nothing, so that every request may
    ask. `memory` may be deleted at any time.
    """

    def __init__(self, memory: Path) -> None:
        self._memory = memory
        self._known: dict[str, tuple[list[Any], Digests]] = _read(memory)

    def digests(self, folder: Path) -> Digests:
        """Of every file, by its name relative to `folder`. Raises OSError."""
        stamp = stamp_of(folder)
        known, digests = self._known.get(str(folder), (None, {}))
        if known != stamp:
            digests = {name: file_sha256(folder / name) for name, *_ in stamp}
            self._known = {**self._known, str(folder): (stamp, digests)}
            with suppress(OSError):  # it is hashed again next time
                self._memory.parent.mkdir(parents=True, exist_ok=True)
                with replacing(self._memory) as stream:
                    stream.write(json.dumps(self._known).encode())
        return digests

    def forget(self, folder: Path) -> None:
        """Hash it anew when it is asked for next."""
        self._known = {name: known for name, known in self._known.items() if name != str(folder)}

    def sha256(self, folder: Path) -> str:
        """The identity of the weights, as `sdseg.model.weights.weights_sha256`. Raises WeightsError."""
        try:
            digests = self.digests(folder)
            return combined_sha256({name: digests[name] for name in identity_files(folder)})
        except OSError as error:
            raise WeightsError(f"The weights in {folder} cannot be read ({error.strerror}); restore them.") from error

    def trouble(self, folder: Path, files: Mapping[str, str]) -> str:
        """What is wrong with a folder that is named by its content; "" where nothing is.

        `files`: SHA-256 of its files as they came, where that is known.
        """
        if not folder.is_dir():
            return "its folder is missing"
        try:
            if not self.sha256(folder).startswith(folder.name):
                return "its content is not what its name says"
            digests = self.digests(folder)
        except (WeightsError, OSError):
            return "a file of it is missing or cannot be read"
        changed = sorted(name for name, digest in files.items() if digests.get(name) != digest)
        return f"its file {changed[0]} is damaged" if changed else ""


def stamp_of(folder: Path) -> list[Any]:
    """Name, size, times and inode of each file: another stamp where one was replaced or written to. Raises OSError."""
    found = ((path.relative_to(folder), path.stat()) for path in folder.rglob("*") if path.is_file())
    return sorted([str(name), s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_ino] for name, s in found)


def _read(memory: Path) -> dict[str, tuple[list[Any], Digests]]:
    try:
        known = json.loads(memory.read_bytes())
        return {folder: (list(stamp), dict(digests)) for folder, (stamp, digests) in known.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
