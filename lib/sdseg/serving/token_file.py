"""The file of bearer tokens: who may use the server, as YAML of names, roles and hashes.

    tokens:
    - {name: annotator-1, role: annotator, sha256: 9f86d0..., created: '2026-11-22', expires: '2027-11-22'}

A token is 256 random bits, so one SHA-256 of it cannot be turned round and needs neither salt nor a slow hash; that is
also why a made-up password must not be put here.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from sdseg.durable import replacing
from sdseg.errors import InputError, UnknownNameError
from sdseg.private_file import read_private

ROLES = ("reader", "annotator", "admin")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_HASH = re.compile(r"[0-9a-f]{64}")
_PREFIX = "sdseg_"  # scanners of published code find tokens by such beginnings


@dataclass(frozen=True)
class TokenEntry:
    """One token. `created` and `expires` are UTC dates (YYYY-MM-DD); the last day counts; "" for never.

    Raises InputError: a name, role, hash or date that cannot be.
    """

    name: str
    role: str
    sha256: str
    created: str = ""
    expires: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise InputError(f"A token's name is made of letters, digits and . _ @ -, not {str(self.name)[:80]!r}.")
        if self.role not in ROLES:
            raise InputError(f"The token of {self.name} has no role {str(self.role)[:80]!r}; use {', '.join(ROLES)}.")
        if not isinstance(self.sha256, str) or not _HASH.fullmatch(self.sha256):
            raise InputError(f"The token of {self.name} needs sha256: 64 hexadecimal digits, from `sdseg token new`.")
        for day in filter(None, (self.created, self.expires)):
            try:
                date.fromisoformat(day)
            except (TypeError, ValueError):
                raise InputError(f"The token of {self.name} has no date {str(day)[:20]!r}; write YYYY-MM-DD.") from None

    @property
    def is_over(self) -> bool:
        """Past its last day?"""
        return bool(self.expires) and date.fromisoformat(self.expires) < datetime.now(UTC).date()


def hash_token(token: str) -> str:
    """What the file keeps of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def match_hash(entries: Sequence[TokenEntry], sha256: str) -> TokenEntry | None:
    """The valid entry of this hash; every entry is compared, each in constant time."""
    found = [entry for entry in entries if hmac.compare_digest(entry.sha256, sha256)]
    return found[0] if found and not found[0].is_over else None


def read_tokens(path: Path) -> tuple[TokenEntry, ...]:
    """Raises InputError: missing, readable by others, no such YAML, a name or a token twice. It never quotes hashes."""
    text, is_open = read_private(path, "token file", "make one with `sdseg token new`")
    if is_open:
        raise InputError(f"The token file {path} can be read or changed by others: chmod 600 it.")
    entries = tuple(_entry(item, path) for item in _items(text, path))
    for what in ("name", "sha256"):
        values = [getattr(entry, what) for entry in entries]
        twice = {entry.name for entry in entries if values.count(getattr(entry, what)) > 1}
        if twice:
            raise InputError(f"The token file {path} holds {', '.join(sorted(twice))} twice: keep one of them.")
    return entries


def _items(text: str, path: Path) -> list[Any]:
    try:
        content = yaml.load(text, Loader=yaml.BaseLoader)  # texts, lists and dictionaries only
    except yaml.YAMLError:
        content = None
    items = content.get("tokens") if isinstance(content, dict) else None
    if items == "":
        return []
    if not isinstance(items, list):
        raise InputError(f"The token file {path} must be YAML with a list `tokens`; make one with `sdseg token new`.")
    return items


def _entry(item: Any, path: Path) -> TokenEntry:
    known = set(TokenEntry.__dataclass_fields__)
    if not isinstance(item, dict) or not {"name", "role", "sha256"} <= item.keys() <= known:
        raise InputError(f"Every token of {path} needs name, role and sha256, and may have created and expires.")
    return TokenEntry(**item)


def new_token(path: Path, name: str, role: str, days: int | None = None) -> str:
    """Add a token to the file, which is made if it is not there, and return it: nothing keeps it.

    Raises InputError: a name that is taken or cannot be, an unknown role, a file that cannot be used.
    """
    entries = read_tokens(path) if path.exists() else ()
    if any(entry.name == name for entry in entries):
        raise InputError(
            f"{name} has a token in {path}; withdraw it with `sdseg token revoke {name}`, or choose a name."
        )
    token = _PREFIX + secrets.token_urlsafe(32)
    today = datetime.now(UTC).date()
    expires = "" if days is None else (today + timedelta(days=days)).isoformat()
    _write(path, [*entries, TokenEntry(name, role, hash_token(token), today.isoformat(), expires)])
    return token


def revoke_token(path: Path, name: str) -> None:
    """Take a token out of the file; a running server notices at once. Raises UnknownNameError, InputError."""
    entries = read_tokens(path)
    if all(entry.name != name for entry in entries):
        raise UnknownNameError(f"There is no token of {name[:80]!r} in {path}; `sdseg token list` names them.")
    _write(path, [entry for entry in entries if entry.name != name])


def _write(path: Path, entries: Sequence[TokenEntry]) -> None:
    items = [{key: value for key, value in asdict(entry).items() if value} for entry in entries]
    text = yaml.safe_dump({"tokens": items}, sort_keys=False, default_flow_style=False)
    with replacing(path) as stream:
        os.fchmod(stream.fileno(), 0o600)  # before anything is in it
        stream.write(text.encode())
