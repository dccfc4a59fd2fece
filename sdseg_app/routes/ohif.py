"""GET /ohif/: the OHIF viewer that the monailabel package brings, configured for this server.

What the viewer needs of a Content-Security-Policy stands in docs/ohif.md.
"""

from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from sdseg.errors import UnknownNameError
from sdseg_app.routes.access import Reader
from sdseg_app.routes.responses import Responses, errors
from sdseg_app.viewer_files import etag, index_page, is_hashed, media_type, viewer_files, without_strangers

router = APIRouter(prefix="/ohif", tags=["Viewer"])

# The first part of what the address bar shows inside the viewer: its modes and its own pages.
_PAGES = {
    "viewer",
    "segmentation",
    "monai-label",
    "tmtv",
    "dynamic-volume",
    "local",
    "localbasic",
    "debug",
    "notfoundserver",
    "notfoundstudy",
}
_FOR_GOOD = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"
_FILE: Responses = {
    200: {"description": "A file of the viewer, or its page.", "content": {"*/*": {}}},
    206: {"description": "A part of the file.", "content": {"*/*": {}}},
    304: {"description": "The browser has it already."},
    416: {"description": "The file has no such part."},
}


@router.get("", summary="To the viewer", status_code=307, response_class=RedirectResponse)
def get_ohif(request: Request, user: Reader) -> RedirectResponse:
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"{request.url.path}/{query}")


@router.get(
    "/{path:path}",
    summary="The viewer: its page and its files",
    response_class=Response,
    responses={**_FILE, **errors(404)},
)
def get_viewer(path: str, request: Request, user: Reader) -> Response:
    """404 for a file that is not there: a page instead of a script would be a riddle to the browser."""
    file = viewer_files().get(path)
    if file is not None:
        return _unless_known(_file(path, file), request)
    if path and path.split("/")[0] not in _PAGES:
        raise UnknownNameError(f"There is no file {path[:80]!r} in the viewer.")
    return HTMLResponse(index_page(), headers={"Cache-Control": _ASK_AGAIN})


def _file(name: str, file: Path) -> Response:
    kept = {"Cache-Control": _FOR_GOOD if is_hashed(name) else _ASK_AGAIN}
    if file.suffix == ".css":
        content = without_strangers(file)
        return Response(content, media_type="text/css", headers={**kept, "ETag": etag(content)})
    return FileResponse(file, media_type=media_type(name), headers=kept, stat_result=file.stat())


def _unless_known(reply: Response, request: Request) -> Response:
    """304 when the browser has it already."""
    if request.headers.get("if-none-match") != reply.headers["etag"]:
        return reply
    return Response(status_code=304, headers={key: reply.headers[key] for key in ("etag", "cache-control")})
