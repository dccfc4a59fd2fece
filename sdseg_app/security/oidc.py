"""Tokens of an OpenID Connect issuer: whether they hold, whose they are and what role they give."""

from collections.abc import Mapping
from typing import Any

import jwt

from sdseg_app.config.security import SecuritySettings
from sdseg_app.security.issuer import Issuer
from sdseg_app.security.outcome import NotAllowedError, NotKnownError
from sdseg_app.security.users import Role, User, highest_role

_LEEWAY = 30  # seconds by which clocks may differ
_LARGEST = 16_384  # characters


class OidcTokens:
    """JSON Web Tokens signed by one issuer, checked as RFC 8725 asks: its keys, our algorithms, our audience."""

    def __init__(self, settings: SecuritySettings) -> None:
        self.issuer = Issuer(settings.oidc_issuer)
        self._settings = settings

    def user_of(self, token: str) -> User:
        """Raises NotKnownError, NotAllowedError (no role), UnavailableError."""
        settings = self._settings
        return self.user_from(self.claims(token, settings.oidc_audience or settings.oidc_client_id))

    def user_from(self, claims: Mapping[str, Any]) -> User:
        """Raises NotAllowedError for claims without a role."""
        role = self._role(claims)
        if role is None:
            where = self._settings.oidc_roles_claim
            raise NotAllowedError(f"Your login gives you no role here; its claim {where} must name one.")
        return User(self.name(claims), role)

    def name(self, claims: Mapping[str, Any]) -> str:
        """What the claims call the user, printable and short."""
        told = claims.get(self._settings.oidc_name_claim)
        name = told if isinstance(told, str) and told.strip() else str(claims["sub"])
        return "".join(sign if sign.isprintable() else "?" for sign in name)[:80]

    def claims(self, token: str, audience: str) -> dict[str, Any]:
        """What a token says once signature, issuer, audience and times hold. Raises NotKnownError, UnavailableError."""
        if len(token) > _LARGEST:
            raise NotKnownError("The token is too long to be one.")
        self._check_algorithm(token)
        try:
            return jwt.decode(
                token,
                self.issuer.key_of(token),
                algorithms=list(self._settings.oidc_algorithms),
                issuer=self._settings.oidc_issuer,
                audience=audience,
                leeway=_LEEWAY,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.ExpiredSignatureError:
            raise NotKnownError("The token has expired; log in again.") from None
        except jwt.InvalidAudienceError:
            raise NotKnownError("The token was made for another server.") from None
        except jwt.InvalidIssuerError:
            raise NotKnownError("The token was made by another issuer.") from None
        except jwt.PyJWTError:  # never with the library's words: they may quote the token
            raise NotKnownError("The token does not hold; log in again.") from None

    def _check_algorithm(self, token: str) -> None:
        """Before the issuer is asked for a key."""
        try:
            algorithm = jwt.get_unverified_header(token).get("alg")
        except jwt.InvalidTokenError:
            raise NotKnownError("This is no token that is known here.") from None
        if algorithm not in self._settings.oidc_algorithms:
            raise NotKnownError("The token is signed in a way that is not accepted here.")

    def _role(self, claims: Mapping[str, Any]) -> Role | None:
        path = self._settings.oidc_roles_claim
        value: Any = claims.get(path)  # some issuers name claims by a URL, with dots
        if value is None:
            value = claims
            for part in path.split("."):
                value = value.get(part) if isinstance(value, Mapping) else None
        words = value.split() if isinstance(value, str) else value
        return highest_role(word for word in words if isinstance(word, str)) if isinstance(words, list) else None
