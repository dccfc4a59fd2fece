"""What every reply tells a browser to keep from doing."""

import re
from collections.abc import Mapping

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sdseg_app.security.replies import route_path

_STRICT = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# OHIF: styles set from code, decoders in WebAssembly, workers of blobs. Cornerstone's adapter, which reads DICOM SEG in
# the page, and the decoders of JPEG 2000 and JPEG-LS in their workers evaluate texts. No other host is reached.
_VIEWER = (
    "default-src 'self'; script-src 'self' 'unsafe-eval' 'wasm-unsafe-eval'; worker-src 'self' blob:; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    "connect-src 'self' data: blob:; form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'"
)
_VIEWER_PATH = "/ohif"
_STATIC = ("/ohif/", "/web/", "/login/")
_HASHED = re.compile(r"[./-][0-9a-f]{16,}\.[a-z0-9.]+$")  # webpack puts the hash of a file's content into its name
_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=(), browsing-topics=()",
}


def security_headers(path: str, status: int = 200) -> Mapping[str, str]:
    """For a reply to `path`, without the prefix of a proxy. A reply's own Cache-Control wins over the one here."""
    return {
        **_ALWAYS,
        "Content-Security-Policy": _policy(path),
        "Cache-Control": _caching(path, status),
    }


def _policy(path: str) -> str:
    return _VIEWER if path == _VIEWER_PATH or path.startswith(f"{_VIEWER_PATH}/") else _STRICT


def _caching(path: str, status: int) -> str:
    if status not in (200, 206, 304) or not path.startswith(_STATIC):
        return "no-store"  # patients' data, and whatever else
    return "private, max-age=31536000, immutable" if _HASHED.search(path) else "private, no-cache"


class SecurityHeaders:
    """Adds them to every reply that passes; `tell_bug` answers outside of all middleware and adds its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = route_path(Request(scope))

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in security_headers(path, message["status"]).items():
                    headers[name] = headers.get(name, value) if name == "Cache-Control" else value
            await send(message)

        await self._app(scope, receive, with_headers)
