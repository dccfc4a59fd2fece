"""Credentials that a person types in: slowed down where they fail, whoever decides about them."""

from starlette.requests import Request

from sdseg_app.security.attempts import neighbourhood
from sdseg_app.security.authentication import Authenticator
from sdseg_app.security.outcome import NotAllowedError, NotKnownError
from sdseg_app.security.token_endpoint import request_tokens
from sdseg_app.security.users import User


def check_token(known: Authenticator, request: Request, token: str) -> User:
    """Whose token of the token file this is. Raises AccessError."""
    place = _place(request)
    known.attempts.check(place)
    user = known.tokens.user_of(token) if known.tokens else None
    if user is None:
        known.attempts.failed(place)
        raise NotKnownError("This token is not known here, or no longer.")
    known.attempts.succeeded(place)
    return user


def exchange_password(known: Authenticator, request: Request, username: str, password: str) -> tuple[User, str]:
    """The user and a token for his requests: his password, if it is a token, else one of the issuer.

    Raises AccessError.
    """
    keys = (_place(request), f"name:{username}")
    known.attempts.check(*keys)
    user = known.tokens.user_of(password) if known.tokens else None
    if user is not None:
        return user, password
    try:
        user, token = _ask_issuer(known, username, password)
    except (NotKnownError, NotAllowedError):
        known.attempts.failed(*keys)
        raise
    known.attempts.succeeded(*keys)
    return user, token


def _ask_issuer(known: Authenticator, username: str, password: str) -> tuple[User, str]:
    settings = known.settings
    if known.oidc is None or not settings.oidc_client_id:
        raise NotKnownError("This token is not known here, or no longer; give it as the password.")
    grant = {"grant_type": "password", "username": username, "password": password, "scope": "openid profile"}
    token = request_tokens(settings, known.oidc.issuer, grant).get("access_token")
    if not isinstance(token, str):
        raise NotKnownError("The hospital's login gave no token.")
    return known.oidc.user_of(token), token


def _place(request: Request) -> str:
    client = request.scope.get("client")
    return neighbourhood(str(client[0]) if client else "")
