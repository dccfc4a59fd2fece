"""What is answered before a route is reached: JSON for programs, a way to log in for browsers."""

import html
from collections.abc import Mapping
from string import Template
from urllib.parse import quote, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

_HOP = Template(
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="0;url=$url">'
    '<title>SDSeg</title><p><a href="$url">Go on</a></p></html>\n'
)


def refusal(status: int, sentence: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"detail": sentence}, status, headers=headers)


def is_page_request(request: Request) -> bool:
    """Does a person's browser ask for a page, rather than a script or a program for data?"""
    mode = request.headers.get("sec-fetch-mode", "navigate")
    return request.method == "GET" and mode == "navigate" and "text/html" in request.headers.get("accept", "")


def to_login(request: Request) -> Response:
    """To the login page, and from there back.

    A browser withholds the SameSite=Strict cookie when a link of another site led here: one hop on our own page, and
    it comes along.
    """
    here = own_path(request)
    if request.headers.get("sec-fetch-site") == "cross-site":
        return hop(f"{root(request)}{here}")
    return RedirectResponse(f"{root(request)}/login?next={quote(here, safe='')}", 303)


def hop(url: str) -> HTMLResponse:
    """A page of ours that leads on to `url`."""
    return HTMLResponse(_HOP.substitute(url=html.escape(url)))


def root(request: Request) -> str:
    """The path under which a reverse proxy shows this server, "" without one."""
    return str(request.scope.get("root_path", "")).rstrip("/")


def route_path(request: Request) -> str:
    """The path without that prefix."""
    path = str(request.scope["path"])
    prefix = root(request)
    return path[len(prefix) :] if prefix and path.startswith(f"{prefix}/") else path


def own_path(request: Request) -> str:
    query = request.url.query
    return safe_next(quote(route_path(request), safe="/:@!$&'()*+,;=~-._") + (f"?{query}" if query else ""))


def safe_next(path: str) -> str:
    """`path` if it surely stays on this server, else "/".

    Browsers read a backslash as a slash, skip control characters and take `//host` for another server.
    """
    plain = path.isprintable() and not any(sign in path for sign in "\\ ") and len(path) < 2000
    try:
        parts = urlsplit(path)
    except ValueError:
        return "/"
    stays = path.startswith("/") and not path.startswith("//") and not parts.scheme and not parts.netloc
    return path if plain and stays else "/"
