"""Requests from where they should not come: other machines, other names (DNS rebinding), other web pages (CSRF)."""

from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from sdseg.serving.exposure import REMEDY, is_loopback
from sdseg_app.security.replies import refusal

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_ALLOWED = "GET, HEAD, POST, PUT, DELETE, OPTIONS"
_NEVER_BY_A_USER = frozenset({"TRACE", "CONNECT", "TRACK"})


class HostGuard:
    """Answers requests only if they are meant for this server and asked by whom it may answer.

    Args:
        public: whether other machines are answered.
        names: host names under which it is reached, in lower case, beside those of this machine and the address at
            which a request arrives. A page that had its own name point here (DNS rebinding) is told by that name.
        origins: other web origins that may send changes; see `is_foreign`.
    """

    def __init__(self, app: ASGIApp, public: bool, names: Collection[str], origins: Collection[str]) -> None:
        self._app = app
        self._public = public
        self._names = frozenset(names)
        self._origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})  # there are none
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        status, sentence = self._objection(request)
        if sentence:
            headers = {"Allow": _ALLOWED} if status == 405 else None
            await refusal(status, sentence, headers)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _objection(self, request: Request) -> tuple[int, str]:
        if not self._public and not _came_from_here(request):
            return 403, f"This server answers its own machine only, for it has no authentication: {REMEDY}."
        if not self._is_ours(request):
            shown = request.headers.get("host", "")[:80]
            return 400, f"This server is not called {shown!r}; name it in --conf allowed_hosts."
        if request.method in _NEVER_BY_A_USER:
            return 405, f"The method {request.method} is not used here."
        if is_foreign(request, self._origins):
            return 403, "A page of another site must not change anything here; name its origin in --conf cors_origins."
        return 200, ""

    def _is_ours(self, request: Request) -> bool:
        name = _host_name(request.headers.get("host", ""))
        server = request.scope.get("server")
        bound = str(server[0]).lower() if server else ""
        return bool(name) and (name == "localhost" or is_loopback(name) or name == bound or name in self._names)


def is_foreign(request: Request, origins: Collection[str]) -> bool:
    """Would this request change something, sent by a browser for a page of another origin?

    As in Go's net/http.CrossOriginProtection: browsers tell by Sec-Fetch-Site, which a page cannot forge, or else by
    Origin, which must be the host that was asked. Programs send neither.
    """
    if request.method in _SAFE:
        return False
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    if origin is not None and origin in origins:
        return False
    if site is not None:
        return site not in ("same-origin", "none")
    return origin is not None and urlsplit(origin).netloc.lower() != request.headers.get("host", "").lower()


def _came_from_here(request: Request) -> bool:
    """At a loopback address, from a loopback address, and not passed on for somebody else."""
    client, server = request.scope.get("client"), request.scope.get("server")
    passed_on = "forwarded" in request.headers or "x-forwarded-for" in request.headers
    ends = all(end is not None and is_loopback(str(end[0])) for end in (client, server))
    return ends and (not passed_on or _passed_on_from_here(request))


def _passed_on_from_here(request: Request) -> bool:
    hops = [hop.strip() for value in request.headers.getlist("x-forwarded-for") for hop in value.split(",")]
    return "forwarded" not in request.headers and all(is_loopback(hop) for hop in hops)


def _host_name(host: str) -> str:
    """The name of a Host header without its port, in lower case; "" when it is malformed."""
    try:
        parts = urlsplit(f"//{host}")
        parts.port  # noqa: B018 - raises for a port that is none
    except ValueError:
        return ""
    if parts.path or parts.query or parts.fragment or parts.username is not None:
        return ""
    return (parts.hostname or "").rstrip(".")
