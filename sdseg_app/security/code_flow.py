"""Logging in at an OpenID Connect issuer with a browser: authorization code flow with PKCE, state and nonce.

RFC 6749 section 4.1, RFC 7636, RFC 9207 and OpenID Connect Core 1.0 section 3.1.
"""

import base64
import hashlib
import hmac
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from sdseg_app.config.security import SecuritySettings
from sdseg_app.security.oidc import OidcTokens
from sdseg_app.security.outcome import AccessError, NotKnownError, UnavailableError
from sdseg_app.security.token_endpoint import request_tokens
from sdseg_app.security.users import User

_SECONDS = 600.0  # to type a password in
_MOST = 1000  # logins under way at a time; beyond, the oldest is forgotten
_SENTENCE = "This login was not begun here, or too long ago; begin again."


@dataclass(frozen=True)
class _Begun:
    browser: str
    verifier: str
    nonce: str
    next_path: str
    redirect_uri: str
    until: float


class CodeFlow:
    """Logins that were begun, in memory. Usable from several threads."""

    def __init__(self, settings: SecuritySettings, oidc: OidcTokens) -> None:
        self._settings = settings
        self._oidc = oidc
        self._begun: OrderedDict[str, _Begun] = OrderedDict()
        self._lock = threading.Lock()

    def begin(self, redirect_uri: str, next_path: str) -> tuple[str, str]:
        """Where to send the browser, and a secret that it shows again when it comes back. Raises UnavailableError."""
        endpoint = self._oidc.issuer.describe().authorization_endpoint
        if not endpoint:
            raise UnavailableError("The hospital's login has no page for browsers.")
        state, browser, verifier, nonce = (secrets.token_urlsafe(32) for _ in range(4))
        with self._lock:
            until = time.monotonic() + _SECONDS
            self._begun[state] = _Begun(browser, verifier, nonce, next_path, redirect_uri, until)
            if len(self._begun) > _MOST:
                self._begun.popitem(last=False)
        asked = {
            "response_type": "code",
            "client_id": self._settings.oidc_client_id,
            "redirect_uri": redirect_uri,
            "scope": "openid profile",
            "state": state,
            "nonce": nonce,
            "code_challenge": _challenge(verifier),
            "code_challenge_method": "S256",
        }
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}", browser

    def finish(self, answer: Mapping[str, str], browser: str) -> tuple[User, str]:
        """Who logged in, and where he wanted to go. `answer`: the query that the issuer sent the browser back with.

        Raises AccessError.
        """
        with self._lock:
            begun = self._begun.pop(answer.get("state", ""), None)  # once only
        if begun is None or time.monotonic() > begun.until or not hmac.compare_digest(begun.browser, browser):
            raise NotKnownError(_SENTENCE)
        if answer.get("iss", self._settings.oidc_issuer) != self._settings.oidc_issuer:
            raise NotKnownError("The answer comes from another issuer.")
        if "error" in answer or not answer.get("code"):
            raise NotKnownError("The hospital's login did not let you in.")
        tokens = self._exchange(answer["code"], begun)
        claims = self._id_claims(tokens.get("id_token"), begun.nonce)
        return self._user(tokens.get("access_token"), claims), begun.next_path

    def _exchange(self, code: str, begun: _Begun) -> dict[str, Any]:
        data = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": begun.redirect_uri,
            "code_verifier": begun.verifier,
        }
        return request_tokens(self._settings, self._oidc.issuer, data)

    def _id_claims(self, token: object, nonce: str) -> dict[str, Any]:
        if not isinstance(token, str):
            raise NotKnownError("The hospital's login sent no ID token.")
        client = self._settings.oidc_client_id
        claims = self._oidc.claims(token, client)
        several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if claims.get("azp", None if several else client) != client:
            raise NotKnownError("The ID token was made for another client.")
        if not hmac.compare_digest(str(claims.get("nonce", "")), nonce):
            raise NotKnownError(_SENTENCE)
        return claims

    def _user(self, access_token: object, id_claims: Mapping[str, Any]) -> User:
        """Issuers tell roles in the access token (Keycloak), or in the ID token."""
        if isinstance(access_token, str) and access_token.count(".") == 2:
            try:
                claims = self._oidc.claims(access_token, self._audience)
                if claims["sub"] == id_claims["sub"]:
                    return self._oidc.user_from({**id_claims, **claims})
            except AccessError:
                pass  # not for us, or without a role: the ID token decides
        return self._oidc.user_from(id_claims)

    @property
    def _audience(self) -> str:
        return self._settings.oidc_audience or self._settings.oidc_client_id


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
