"""Request bodies that are too large are refused while they arrive, not after."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sdseg_app.security.replies import refusal, route_path

_UPLOADS = ("/infer/", "/datastore/", "/session/", "/dicom-web/")
_OTHERS = 16 << 20  # bytes: JSON and short forms, which are read into memory


class BodyLimit:
    """413 for a body above `largest` bytes where files are taken, above 16 MB elsewhere.

    By Content-Length before a byte is read; a chunked body is counted.
    """

    def __init__(self, app: ASGIApp, largest: int) -> None:
        self._app = app
        self._largest = largest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        path = route_path(request)
        limit = self._largest if f"{path}/".startswith(_UPLOADS) else min(self._largest, _OTHERS)
        sentence = f"The request is larger than the {limit / 1e6:.0f} MB that are taken here (--conf max_upload_mb)."
        length = request.headers.get("content-length", "0")
        # What is no number never comes so far: the HTTP parser refuses it.
        if length.isdigit() and int(length) > limit:
            await refusal(413, sentence)(scope, receive, send)
            return
        taken = 0

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > limit:
                raise HTTPException(413, sentence)
            return message

        await self._app(scope, counted, send)
