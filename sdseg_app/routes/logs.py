"""GET /logs/: the end of the server's log."""

import os
from collections import deque
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query
from fastapi.responses import PlainTextResponse
from monailabel.config import settings

from sdseg_app.routes.access import Admin
from sdseg_app.routes.responses import errors
from sdseg_app.routes.server_paths import hide_paths

router = APIRouter(prefix="/logs", tags=["Others"])

_MOST_LINES = 5000
_MOST_BYTES = 2**20  # read from the end: a log may be larger than memory


@router.get("/", summary="The last lines of the log", response_class=PlainTextResponse, responses=errors(404))
def get_logs(user: Admin, lines: Annotated[int, Query(ge=1, le=_MOST_LINES)] = 300) -> str:
    """Plain text. The log names no patients; folders of the server are left out here. 404 when there is no log."""
    path = Path(settings.MONAI_LABEL_APP_DIR) / "logs" / "app.log"
    if not path.is_file():
        raise HTTPException(404, "The server keeps no log file; look where its output goes.")
    return hide_paths("".join(deque(_end_of(path), lines)))


def _end_of(path: Path) -> list[str]:
    with path.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - _MOST_BYTES))
        return stream.read().decode(errors="replace").splitlines(keepends=True)
