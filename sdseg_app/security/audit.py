"""Which requests the audit log tells of."""

import threading
import time
from collections import OrderedDict
from collections.abc import Hashable
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sdseg_app.security.audit_entry import entry_of
from sdseg_app.security.audit_file import AuditFile
from sdseg_app.security.replies import route_path

# They tell of models, queues and counts, and browsers ask again and again. A refusal is told even here.
_NO_PATIENT = (
    *("/ohif", "/web", "/docs", "/openapi.json", "/favicon.ico", "/login", "/auth"),
    *("/info", "/jobs", "/status", "/train", "/batch", "/scoring"),
)
# By the guards, unless a route says so for its own reasons.
_REFUSED = frozenset({400, 401, 403, 413, 429})
_LOGINS = frozenset({"/auth/callback", "/logout"})
_NO_PATIENT_PAGES = frozenset({"/"})
_VIEW_SECONDS = 900.0  # a viewer asks for hundreds of frames: one line for each series it shows in so long
_KEPT = 10_000


class AuditLog:
    """One line a request that changes something, logs in, is refused or reads patients' data.

    Reading over DICOMweb is told once for each user, client, series and outcome in 15 minutes.
    """

    def __init__(self, app: ASGIApp, file: AuditFile) -> None:
        self._app = app
        self._file = file
        self._views = Recent(_VIEW_SECONDS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        told = False

        async def noted(message: Message) -> None:
            nonlocal told
            if message["type"] == "http.response.start":
                told = True  # on the disk before the client knows
                self._write(Request(scope), message["status"], Headers(raw=message["headers"]).get("x-sdseg-job", ""))
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            if not told:
                self._write(Request(scope), 500, "")  # whatever ends without an answer is a bug's

    def _write(self, request: Request, status: int, job: str) -> None:
        if not is_told(request, status):
            return
        entry = entry_of(request, status, job)
        if not (_is_view(request) and self._views.has(_view(entry))):
            self._file.write(entry)


def is_told(request: Request, status: int) -> bool:
    path = route_path(request)
    if status in _REFUSED or path in _LOGINS or request.method not in ("GET", "HEAD", "OPTIONS"):
        return True
    quiet = path in _NO_PATIENT_PAGES or any(f"{path}/".startswith(f"{start}/") for start in _NO_PATIENT)
    return request.method != "OPTIONS" and (not quiet or (path.startswith("/jobs/") and path.endswith("/result")))


def _is_view(request: Request) -> bool:
    return request.method in ("GET", "HEAD") and route_path(request).startswith("/dicom-web/")


def _view(entry: dict[str, Any]) -> Hashable:
    keys = ("user", "client", "study", "series") if "series" in entry else ("user", "client", "route", "study")
    return *(entry.get(key) for key in keys), entry["status"] < 400 or entry["status"]


class Recent:
    """What was seen a short while ago. Usable from several threads."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._seen: OrderedDict[Hashable, float] = OrderedDict()
        self._lock = threading.Lock()

    def has(self, key: Hashable) -> bool:
        """Was it seen within the time? From now on it was, if not; the time counts from the first look."""
        now = time.monotonic()
        with self._lock:
            if now - self._seen.get(key, float("-inf")) < self._seconds:
                return True
            self._seen[key] = now
            self._seen.move_to_end(key)
            if len(self._seen) > _KEPT:
                self._seen.popitem(last=False)
            return False
