"""What this server asks of an issuer's token endpoint (RFC 6749 section 3.2)."""

import stat
from typing import Any
from urllib.parse import quote

import requests

from sdseg_app.config.security import SecuritySettings
from sdseg_app.security.issuer import Issuer
from sdseg_app.security.outcome import NotKnownError, UnavailableError


def request_tokens(settings: SecuritySettings, issuer: Issuer, data: dict[str, str]) -> dict[str, Any]:
    """The endpoint's answer to a grant. Raises NotKnownError when it is refused, UnavailableError."""
    endpoint = issuer.describe().token_endpoint
    if not endpoint:
        raise UnavailableError("The hospital's login gives no tokens to this server.")
    client = {"client_id": settings.oidc_client_id}
    return _tokens_of(issuer.post(endpoint, {**client, **data}, _client_login(settings)))


def _client_login(settings: SecuritySettings) -> tuple[str, str] | None:
    """Client id and secret for HTTP Basic, encoded as section 2.3.1 wants it; None for a public client."""
    path = settings.oidc_client_secret
    if path is None:
        return None
    try:
        private = not stat.S_IMODE(path.stat().st_mode) & 0o077
        secret = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        private = False
    if not private:
        raise UnavailableError("The file oidc_client_secret of this server cannot be read, or others can read it.")
    return quote(settings.oidc_client_id, safe=""), quote(secret, safe="")


def _tokens_of(reply: requests.Response) -> dict[str, Any]:
    try:
        told = reply.json() if reply.ok else None
    except requests.JSONDecodeError:
        told = None
    if not isinstance(told, dict):
        raise NotKnownError("The hospital's login does not know this user, or this password.")
    return told
