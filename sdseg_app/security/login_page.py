"""The page on which a person logs in, and the cookies of that."""

import html
from pathlib import Path
from string import Template
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from sdseg_app.security.authentication import Authenticator, cookie_name
from sdseg_app.security.replies import root
from sdseg_app.security.users import User

_PAGE = Template((Path(__file__).parents[1] / "web" / "login" / "page.html").read_text(encoding="utf-8"))
_BEGUN = "sdseg-begun"
_BEGUN_PATH = "/auth/callback"
_BEGUN_SECONDS = 600


def login_page(
    request: Request, known: Authenticator, next_path: str, message: str = "", status: int = 200
) -> Response:
    """The page with the ways to log in that are configured; it leads on to `next_path`."""
    shown = {True: "", False: "hidden"}
    texts = {"root": root(request), "next": next_path, "next_quoted": quote(next_path, safe=""), "message": message}
    page = _PAGE.substitute(
        {key: html.escape(text) for key, text in texts.items()},
        message_shown=shown[bool(message)],
        token_shown=shown[known.tokens is not None],
        oidc_shown=shown[known.code_flow is not None],
    )
    return HTMLResponse(page, status)


def keep_login(response: Response, request: Request, known: Authenticator, user: User, token_sha256: str = "") -> None:
    """Begin a login and give its name to the browser, in a cookie that no script and no other site can use."""
    name = known.logins.begin(user, token_sha256)
    response.set_cookie(cookie_name(request), name, path="/", secure=_secure(request), httponly=True, samesite="strict")


def end_login(response: Response, request: Request, known: Authenticator) -> None:
    """End the login of this browser, if there is one."""
    if known.logins.end(request.cookies.get(cookie_name(request), "")):
        response.delete_cookie(
            cookie_name(request), path="/", secure=_secure(request), httponly=True, samesite="strict"
        )


def keep_begun(response: Response, request: Request, secret: str) -> None:
    """A cookie for the way to the issuer and back: Lax, for the way back begins at another site."""
    response.set_cookie(
        _BEGUN,
        secret,
        max_age=_BEGUN_SECONDS,
        path=f"{root(request)}{_BEGUN_PATH}",
        secure=_secure(request),
        httponly=True,
        samesite="lax",
    )


def begun(request: Request) -> str:
    return request.cookies.get(_BEGUN, "")


def _secure(request: Request) -> bool:
    return request.url.scheme == "https"
