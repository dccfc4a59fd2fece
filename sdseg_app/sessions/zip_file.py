"""A client's ZIP file, unpacked without believing a word of it."""

import re
import stat
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from sdseg.dicom.limits import MOST_FRAMES
from sdseg.errors import InputError

MOST_ENTRIES = 2 * MOST_FRAMES
HIGHEST_RATIO = 100
"""Of unpacked to packed bytes; images with large black borders reach ten."""
SMALL = 64 * 2**20
"""Bytes that may be unpacked whatever the ratio."""

_ENCRYPTED = 0x1
_UNIX = 3
_ARCHIVES = (".zip", ".tar", ".tgz", ".tar.gz", ".bz2", ".xz", ".7z", ".rar", ".jar")
_MAGIC = (b"PK\x03\x04", b"PK\x05\x06", b"7z\xbc\xaf\x27\x1c", b"Rar!", b"\xfd7zXZ", b"BZh")
_BLOCK = 2**20
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_DAMAGES = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError)


def unpack(packed: BinaryIO, folder: Path, limit: int) -> list[tuple[str, Path]]:
    """Write what the ZIP file holds into `folder` under names of ours: [(name in the ZIP, file)], in its order.

    Folders in it are not rebuilt; hidden files, and those of macOS, are left out.

    Args:
        packed: at its beginning.
        folder: exists; whoever calls removes it when this fails.
        limit: bytes of all files together.

    Raises:
        InputError: damaged, encrypted, empty or no ZIP; a name that leads out of it; a link or device; a ZIP in the
            ZIP; more than `limit` bytes, or far more than a ZIP of this size can honestly hold.
    """
    size = packed.seek(0, 2)
    most = min(limit, max(SMALL, HIGHEST_RATIO * size))
    try:
        with zipfile.ZipFile(packed) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            _check(archive.infolist(), most)
            return list(_write(archive, entries, folder, most))
    except _DAMAGES as error:
        raise InputError("The ZIP file is damaged, or is none; pack the images again.") from error


def _check(entries: list[zipfile.ZipInfo], most: int) -> None:
    """What its table of contents says, before a byte is unpacked. Names are not quoted: they may tell a patient's."""
    if len(entries) > MOST_ENTRIES:
        raise InputError(f"The ZIP file has {len(entries)} entries; at most {MOST_ENTRIES} are taken.")
    for number, entry in enumerate(entries, 1):
        if entry.flag_bits & _ENCRYPTED:
            raise InputError("The ZIP file is encrypted; pack the images without a password.")
        if entry.compress_type not in _METHODS:
            raise InputError("The ZIP file is compressed in an unusual way; pack it with the usual method, deflate.")
        if _leads_out(entry.filename):
            raise InputError(f"The name of entry {number} of the ZIP file leads out of it; pack the images again.")
        if not _is_plain(entry):
            raise InputError(f"Entry {number} of the ZIP file is a link or a device; pack the images themselves.")
    if sum(entry.file_size for entry in entries) > most:
        raise _too_much(most)


def _write(
    archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo], folder: Path, most: int
) -> Iterator[tuple[str, Path]]:
    left = most  # the table of contents may lie
    for number, entry in enumerate(entries, 1):
        name = PurePosixPath(entry.filename.replace("\\", "/"))
        if any(part.startswith(".") or part == "__MACOSX" for part in name.parts):
            continue
        path = folder / f"{number:05d}"
        with archive.open(entry) as source, path.open("xb") as target:
            while block := source.read(_BLOCK):
                left -= len(block)
                if left < 0:
                    raise _too_much(most)
                target.write(block)
        if _is_archive(name, path):
            raise InputError(f"Entry {number} of the ZIP file is an archive itself; pack the images themselves.")
        yield name.name, path


def _leads_out(name: str) -> bool:
    """Absolute or upwards, here or on Windows."""
    parts = re.split(r"[/\\]", name)
    return parts[0] == "" or ".." in parts or re.match(r"[A-Za-z]:", name) is not None


def _is_plain(entry: zipfile.ZipInfo) -> bool:
    """A file or folder. Only Unix tells; an entry without a mode is a file."""
    kind = stat.S_IFMT(entry.external_attr >> 16) if entry.create_system == _UNIX else 0
    return kind in (0, stat.S_IFREG, stat.S_IFDIR)


def _is_archive(name: PurePosixPath, path: Path) -> bool:
    with path.open("rb") as stream:
        start = stream.read(8)
    return name.name.lower().endswith(_ARCHIVES) or start.startswith(_MAGIC)


def _too_much(most: int) -> InputError:
    return InputError(f"The ZIP file would unpack to over {most / 1e6:.0f} MB, more than is taken; send less at once.")
