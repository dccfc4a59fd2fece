"""The files of our own pages, below sdseg_app/web."""

import mimetypes
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from sdseg.errors import UnknownNameError

WEB = Path(__file__).parent / "web"
# Not left to the tables of the machine, where a script may be text/plain; then no browser runs it.
_TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
}
for _ending, _type in _TYPES.items():
    mimetypes.add_type(_type, _ending)


async def web_file(path: str, scope: Scope, part: str = "") -> Response:
    """The file `path` of the folder, or of its `part`, or 304 where the browser has it. Raises UnknownNameError.

    Starlette's StaticFiles looks that no path leaves the folder.
    """
    try:
        return await StaticFiles(directory=WEB / part, check_dir=False).get_response(path, scope)
    except HTTPException as error:
        raise UnknownNameError(f"There is no page {path[:80]!r} here.") from error
