"""What an example is, by its content: files may move, be fetched again or be named otherwise."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from sdseg.errors import InputError
from sdseg.volume.example import Example


def fingerprint(example: Example) -> str:
    """SHA-256 over image, mask, changed voxels and how they are read; neither names, paths nor the weight go into it.

    Raises:
        InputError: a file cannot be read.
    """
    said = {
        "modality": example.modality,
        "label_channel": example.label_channel,
        "label_values": None if example.label_values is None else sorted(example.label_values.items()),
        "ignored": example.ignored,
    }
    digest = hashlib.sha256(json.dumps(said).encode())
    for path in (example.image, example.label, example.changed):
        digest.update(b"\0" if path is None else _content(Path(path)))
    return digest.hexdigest()


def _content(path: Path) -> bytes:
    """Of a file, or of all files of a folder, in whatever order; hidden ones left out."""
    try:
        if path.is_dir():
            files = [file for file in path.rglob("*") if file.is_file() and not file.name.startswith(".")]
            return hashlib.sha256(b"".join(sorted(map(_content, files)))).digest()
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").digest()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); check the path.") from error
