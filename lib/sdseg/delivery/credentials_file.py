"""The file of credentials: YAML, of text alone, for its owner's eyes only."""

from __future__ import annotations

import logging
from collections.abc import Collection
from functools import lru_cache
from pathlib import Path

import yaml

from sdseg.errors import InputError
from sdseg.private_file import read_private

logger = logging.getLogger(__name__)

_FILES = ("tls_ca", "tls_certificate", "tls_key")


def read_credentials_file(path: Path, keys: Collection[str]) -> dict[str, str]:
    """Key -> value; the paths of TLS files count from the file's own folder.

    Raises InputError: missing, unreadable, no YAML, a key that is none of `keys`. It never quotes the content.
    """
    text, is_open = read_private(path, "credentials file", "check SDSEG_CREDENTIALS")
    if is_open:
        _warn(path)
    entries = _parse(text, path)
    for key in entries.keys() - set(keys):
        shown = key if isinstance(key, str) and key.isidentifier() and len(key) < 40 else "a key"
        raise InputError(f"The credentials file {path} holds {shown}, which is none of {', '.join(keys)}.")
    for key in entries.keys() & set(_FILES):
        entries[key] = str(path.parent / entries[key])
    return entries


def _parse(text: str, path: Path) -> dict[str, str]:
    """All values as they are written: a password of digits stays one. YAML's own errors quote lines: dropped."""
    try:
        entries = yaml.load(text, Loader=yaml.BaseLoader)  # texts, lists and dictionaries only
    except yaml.MarkedYAMLError as error:
        line = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise InputError(f"The credentials file {path} is not YAML{line}; quote values with special signs.") from None
    except yaml.YAMLError:
        raise InputError(f"The credentials file {path} is not YAML; quote values with special signs.") from None
    if entries in (None, ""):
        return {}
    if not isinstance(entries, dict) or not all(isinstance(value, str) for value in entries.values()):
        raise InputError(f"The credentials file {path} must hold lines like `dicomweb_username: name`.")
    return entries


@lru_cache(maxsize=64)
def _warn(path: Path) -> None:
    """Once for each file and process."""
    logger.warning("The credentials file %s can be read by others: chmod 600 it.", path)
