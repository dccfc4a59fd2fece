"""Logins of browsers: the cookie is a random name for what stays on the server."""

import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

from sdseg.serving.token_file import hash_token
from sdseg_app.security.users import User

_MOST = 10_000  # logins at a time; beyond, the oldest ends


@dataclass(frozen=True)
class Login:
    """Who is logged in. `token_sha256`: hash of the static token he showed, "" for an OpenID Connect login."""

    user: User
    token_sha256: str
    until: float


class Logins:
    """Kept in memory under the hash of their name: a restart ends them. Usable from several threads."""

    def __init__(self, hours: float) -> None:
        self._seconds = hours * 3600
        self._logins: OrderedDict[str, Login] = OrderedDict()
        self._lock = threading.Lock()

    def begin(self, user: User, token_sha256: str = "") -> str:
        """The name of a new login."""
        name = secrets.token_urlsafe(32)
        with self._lock:
            self._logins[hash_token(name)] = Login(user, token_sha256, time.monotonic() + self._seconds)
            if len(self._logins) > _MOST:
                self._logins.popitem(last=False)
        return name

    def find(self, name: str) -> Login | None:
        with self._lock:
            login = self._logins.get(hash_token(name))
            if login is not None and time.monotonic() > login.until:
                del self._logins[hash_token(name)]
                login = None
        return login

    def end(self, name: str) -> bool:
        """True if there was such a login."""
        with self._lock:
            return self._logins.pop(hash_token(name), None) is not None
