"""Logging in: a page for browsers, and what MONAI Label's clients ask (as its endpoints/login.py answers)."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import BaseModel

from sdseg.serving.token_file import hash_token
from sdseg_app.routes.access import Reader
from sdseg_app.routes.responses import Responses, errors
from sdseg_app.security.authentication import Authenticator
from sdseg_app.security.login_page import begun, end_login, keep_begun, keep_login, login_page
from sdseg_app.security.outcome import AccessError
from sdseg_app.security.password import check_token, exchange_password
from sdseg_app.security.replies import hop, root, safe_next

router = APIRouter(tags=["Login"])

_PAGE: Responses = {200: {"description": "The page.", "content": {"text/html": {"schema": {"type": "string"}}}}}
_ON: Responses = {303: {"description": "Go on there."}}


def _authenticator(request: Request) -> Authenticator:
    known: Authenticator = request.app.state.authenticator
    return known


Known = Annotated[Authenticator, Depends(_authenticator)]


class AuthState(BaseModel):
    """As MONAI Label tells it; `realm` is the issuer's address."""

    enabled: bool
    client_id: str
    realm: str


class Token(BaseModel):
    """What to send as `Authorization: token_type access_token`; null where there is no authentication."""

    access_token: str | None
    token_type: str | None


class Caller(BaseModel):
    """As MONAI Label tells it; `email` is never known here."""

    username: str
    email: str | None
    name: str
    roles: list[str]


@router.get("/auth/", summary="Is there a login?")
def get_auth(known: Known) -> AuthState:
    settings = known.settings
    return AuthState(enabled=known.enabled, client_id=settings.oidc_client_id, realm=settings.oidc_issuer)


@router.post("/auth/token", summary="A token for a name and a password", responses=errors(429, 503))
def post_token(
    request: Request,
    known: Known,
    username: Annotated[str, Form(max_length=256)] = "",
    password: Annotated[str, Form(max_length=4096)] = "",
    grant_type: Annotated[str, Form(max_length=40)] = "password",
) -> Token:
    """For clients that ask for name and password, like 3D Slicer: a token of the token file is the password.

    Other passwords go to the issuer, if there is one that takes them.
    """
    if not known.enabled:
        return Token(access_token=None, token_type=None)
    user, token = exchange_password(known, request, username, password)
    request.state.user = user
    return Token(access_token=token, token_type="bearer")


@router.get("/auth/token/valid", summary="Who am I?", responses=errors(503))
def get_token_valid(user: Reader) -> Caller:
    return Caller(username=user.name, email=None, name=user.name, roles=[user.role.word])


@router.get("/login", summary="The page for logging in", response_class=HTMLResponse, responses={**_PAGE, **_ON})
def get_login(request: Request, known: Known, next: str = "/") -> Response:
    if not known.enabled or request.state.user is not None:
        return _go_on(request, next)
    return login_page(request, known, safe_next(next))


@router.post(
    "/login",
    summary="Log a browser in with a token",
    status_code=303,
    response_class=Response,
    responses={**_ON, **errors(429, 503)},
)
def post_login(
    request: Request,
    known: Known,
    token: Annotated[str, Form(max_length=4096)] = "",
    next: Annotated[str, Form(max_length=4096)] = "/",
) -> Response:
    """The token is shown once; the browser keeps a name for its login, which no script can read."""
    if not known.enabled:
        return _go_on(request, next)
    try:
        user = check_token(known, request, token.strip())
    except AccessError as error:
        page = login_page(request, known, safe_next(next), error.detail, error.status_code)
        page.headers.update(error.headers or {})
        return page
    request.state.user = user
    response = _go_on(request, next)
    keep_login(response, request, known, user, hash_token(token.strip()))
    return response


@router.get("/logout", summary="Log this browser out", status_code=303, response_class=Response, responses=_ON)
@router.post("/logout", summary="Log this browser out", status_code=303, response_class=Response, responses=_ON)
def log_out(request: Request, known: Known) -> Response:
    """Another site cannot do this: the cookie does not come along with its requests."""
    response = RedirectResponse(f"{root(request)}/login", 303)
    end_login(response, request, known)
    return response


@router.get(
    "/auth/login",
    summary="Log a browser in at the issuer",
    status_code=303,
    response_class=Response,
    responses={**_ON, **errors(404, 503)},
)
def get_issuer_login(request: Request, known: Known, next: str = "/") -> Response:
    if known.code_flow is None:
        raise HTTPException(404, "This server has no OpenID Connect login; use /login.")
    url, secret = known.code_flow.begin(f"{str(request.base_url).rstrip('/')}/auth/callback", safe_next(next))
    response = RedirectResponse(url, 303)
    keep_begun(response, request, secret)
    return response


@router.get(
    "/auth/callback",
    summary="Where the issuer sends the browser back to",
    response_class=HTMLResponse,
    responses={**_PAGE, **errors(404, 503)},
)
def get_callback(request: Request, known: Known) -> Response:
    if known.code_flow is None:
        raise HTTPException(404, "This server has no OpenID Connect login; use /login.")
    try:
        user, next_path = known.code_flow.finish(request.query_params, begun(request))
    except AccessError as error:
        return login_page(request, known, "/", error.detail, error.status_code)
    request.state.user = user
    # Not a redirect: the browser would follow it as part of the way from the other site, without the cookie.
    response = hop(f"{root(request)}{next_path}")
    keep_login(response, request, known, user)
    return response


def _go_on(request: Request, next_path: str) -> RedirectResponse:
    return RedirectResponse(f"{root(request)}{safe_next(next_path)}", 303)
