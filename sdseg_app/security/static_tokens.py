"""Bearer tokens of the token file, read anew whenever it changes."""

import logging
import threading
from pathlib import Path

from sdseg.errors import InputError
from sdseg.serving.token_file import TokenEntry, hash_token, match_hash, read_tokens
from sdseg_app.security.outcome import UnavailableError
from sdseg_app.security.users import Role, User

logger = logging.getLogger(__name__)

_Stamp = tuple[int, int, int, int]


class StaticTokens:
    """Raises InputError when the file cannot be used, or holds no token, at the start."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._stamp: _Stamp | None = self._look()
        self._entries: tuple[TokenEntry, ...] | None = read_tokens(path)
        if not self._entries:
            raise InputError(f"The token file {path} holds no token; make one with `sdseg token new`.")

    def user_of(self, token: str) -> User | None:
        """Whose token this is. Raises UnavailableError while the file cannot be used: then nobody is let in."""
        return self.user_of_hash(hash_token(token))

    def user_of_hash(self, sha256: str) -> User | None:
        """The same for the hash of a token: a login lasts no longer than the token that made it."""
        entry = match_hash(self._current(), sha256)
        return User(entry.name, Role[entry.role.upper()]) if entry else None

    def _current(self) -> tuple[TokenEntry, ...]:
        with self._lock:
            stamp = self._look()
            if stamp != self._stamp:
                self._stamp = stamp
                self._entries = self._read()
            if self._entries is None:
                raise UnavailableError("The server's token file cannot be used now; its log tells why.")
            return self._entries

    def _read(self) -> tuple[TokenEntry, ...] | None:
        try:
            entries = read_tokens(self._path)
        except InputError as error:
            logger.error("Nobody is let in by token: %s", error)
            return None
        logger.info("The token file changed: %d tokens.", len(entries))
        return entries

    def _look(self) -> _Stamp | None:
        """What differs once the file does; its mode counts."""
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size, status.st_ino, status.st_mode
