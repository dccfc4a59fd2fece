"""An HTTP session that shows a login and certificates, and nobody else's."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Protocol
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase, HTTPBasicAuth

from sdseg.errors import InputError
from sdseg.tls import client_context
from sdseg.tls_files import TlsFiles

logger = logging.getLogger(__name__)


class Login(Protocol):
    """User and password, or a bearer token, or all of them empty."""

    @property
    def username(self) -> str: ...
    @property
    def password(self) -> str: ...
    @property
    def token(self) -> str: ...


class _Authorization(AuthBase):
    """The Authorization header of each request, from the login that holds at that moment."""

    def __init__(self, login: Callable[[], Login]) -> None:
        self._login = login
        self._last = login()

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        try:
            self._last = self._login()
        except InputError as error:  # somebody is writing it: the last one may still do
            logger.warning("%s The login read before is used.", error)
        login = self._last
        if login.token or login.username:
            _warn_if_readable(request.url or "")
        if login.token:
            request.headers["Authorization"] = f"Bearer {login.token}"
        elif login.username:
            # As bytes: requests would encode text as Latin-1, and quote what it cannot encode.
            HTTPBasicAuth(login.username.encode(), login.password.encode())(request)
        return request


def _warn_if_readable(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
        warn_of_plain_http(parts.netloc.rpartition("@")[2])


@lru_cache(maxsize=64)
def warn_of_plain_http(host: str) -> None:
    """Once for each host and process."""
    logger.warning("The login for %s goes over the network unencrypted: use https.", host)


class _Session(requests.Session):
    """REQUESTS_CA_BUNDLE must not go before the CA that was given for this very connection."""

    def merge_environment_settings(self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any) -> Any:
        if verify is None and self.verify is not True:
            verify = self.verify
        return super().merge_environment_settings(url, proxies, stream, verify, cert)


def open_session(login: Callable[[], Login], tls: TlsFiles) -> requests.Session:
    """A session for one server: `login` is asked before each request; proxies come from the environment.

    An `auth` that is always set also keeps requests from looking for a login in ~/.netrc.
    Raises InputError: a file is no PEM, or the key does not fit or is locked.
    """
    if tls != TlsFiles():
        client_context(tls, "localhost")  # says in one sentence what is wrong with the files
    session = _Session()
    session.auth = _Authorization(login)
    if tls.ca is not None:
        session.verify = str(tls.ca)
    if tls.certificate is not None and tls.key is not None:
        session.cert = (str(tls.certificate), str(tls.key))
    return session
