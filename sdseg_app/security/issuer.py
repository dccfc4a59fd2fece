"""An OpenID Connect issuer: what it tells about itself (Discovery 1.0) and its public keys (RFC 7517)."""

import logging
import threading
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import jwt
import requests

from sdseg.serving.exposure import is_loopback
from sdseg_app.security.outcome import NotKnownError, UnavailableError

logger = logging.getLogger(__name__)

_SECONDS = 5.0  # patience with the issuer
_BACKOFF = 5.0  # seconds without another try after a failure: requests must not pile up behind it
_LIFE = 3600.0  # seconds for which its description holds
_KEYS_LIFE = 300.0  # seconds for which its keys hold
_NEW_KEY_PAUSE = 1.0  # seconds between two looks for keys that were not there


@dataclass(frozen=True)
class Description:
    """The addresses of an issuer; "" for one that it lacks."""

    jwks_uri: str
    authorization_endpoint: str
    token_endpoint: str


class Issuer:
    """Asked when first needed: the server starts without it. Usable from several threads."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._description: Description | None = None
        self._keys: jwt.PyJWKClient | None = None
        self._until = 0.0
        self._down_until = 0.0

    def describe(self) -> Description:
        """Raises UnavailableError."""
        with self._lock:
            return self._describe()

    def key_of(self, token: str) -> jwt.PyJWK:
        """The public key that the token names by its `kid`; keys that are new to us are fetched.

        Raises NotKnownError for a token that is none or names no key of the issuer, UnavailableError.
        """
        try:
            kid = jwt.get_unverified_header(token).get("kid")
        except jwt.InvalidTokenError:
            raise NotKnownError("This is no token of the hospital's login.") from None
        if not isinstance(kid, str) or not kid:
            raise NotKnownError("The token does not say which key it is signed with.")
        with self._lock:
            self._describe()
            assert self._keys is not None
            key = self._kept_key(self._keys, kid)
            return key if key is not None else self._fetch_key(self._keys, kid)

    @staticmethod
    def _kept_key(keys: jwt.PyJWKClient, kid: str) -> jwt.PyJWK | None:
        """Without asking: whatever happens to the issuer, keys that were fetched hold for their time."""
        kept = keys.jwk_set_cache.get() if keys.jwk_set_cache else None
        fit = [key for key in kept.keys if key.key_id == kid] if isinstance(kept, jwt.PyJWKSet) else []
        return fit[0] if len(fit) == 1 and fit[0].public_key_use in ("sig", None) else None

    def _fetch_key(self, keys: jwt.PyJWKClient, kid: str) -> jwt.PyJWK:
        if time.monotonic() < self._down_until:
            raise UnavailableError(_SENTENCE)
        try:
            return keys.get_signing_key(kid)
        except (jwt.PyJWKClientConnectionError, jwt.PyJWKSetError, ValueError) as error:  # the last: no JSON
            raise self._down(error) from None
        except jwt.PyJWKClientError:
            raise NotKnownError("The token is signed with a key that the issuer does not have.") from None

    def post(self, url: str, data: dict[str, str], secret: tuple[str, str] | None = None) -> requests.Response:
        """A form to one of its addresses. Raises UnavailableError."""
        try:
            reply = requests.post(url, data=data, auth=secret, timeout=_SECONDS, allow_redirects=False)
        except requests.RequestException as error:
            raise self._unavailable(error) from None
        if reply.status_code >= 500:
            raise self._unavailable(f"status {reply.status_code}")
        return reply

    def _describe(self) -> Description:
        now = time.monotonic()
        if self._description is None or now > self._until:
            if now < self._down_until:
                raise UnavailableError(_SENTENCE)
            self._description = self._fetch()
            self._keys = jwt.PyJWKClient(
                self._description.jwks_uri,
                lifespan=_KEYS_LIFE,
                timeout=_SECONDS,
                cooldown_duration=_NEW_KEY_PAUSE,
            )
            self._until = now + _LIFE
        return self._description

    def _fetch(self) -> Description:
        address = f"{self._url.rstrip('/')}/.well-known/openid-configuration"
        try:
            reply = requests.get(address, timeout=_SECONDS, allow_redirects=False)
            told = reply.json() if reply.ok else None
        except requests.RequestException as error:
            raise self._down(error) from None
        if not isinstance(told, dict):
            raise self._down(f"status {reply.status_code} and no JSON object at {address}")
        if told.get("issuer") != self._url:
            raise self._down(f"it calls itself {str(told.get('issuer'))[:100]!r}, not {self._url!r}")
        return Description(
            self._address(told, "jwks_uri", True),
            self._address(told, "authorization_endpoint"),
            self._address(told, "token_endpoint"),
        )

    def _address(self, told: dict[str, Any], key: str, needed: bool = False) -> str:
        value = told.get(key, "")
        try:
            parts = urlsplit(value if isinstance(value, str) else "")
        except ValueError:
            parts = urlsplit("")
        here = parts.hostname == "localhost" or is_loopback(parts.hostname or "")
        if (needed or value) and not (parts.scheme == "https" or (parts.scheme == "http" and here)):
            raise self._down(f"its {key} is no https address")
        return str(value)

    def _down(self, reason: object) -> UnavailableError:
        self._down_until = time.monotonic() + _BACKOFF
        return self._unavailable(reason)

    def _unavailable(self, reason: object) -> UnavailableError:
        logger.error("The OpenID Connect issuer %s cannot be used: %s", self._url, reason)
        return UnavailableError(_SENTENCE)


_SENTENCE = "The hospital's login cannot be asked now; try again in a minute, or use a token."
