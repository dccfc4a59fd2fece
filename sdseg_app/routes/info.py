"""GET /info/: what this server can do. Reads files, so it does not run on the event loop."""

from typing import Any

from fastapi import APIRouter

from sdseg_app.routes.access import Reader, running_app

router = APIRouter(prefix="/info", tags=["App"])


@router.get("/", summary="Models, labels, trainers, strategies and counts")
def get_info(user: Reader) -> dict[str, Any]:
    return running_app().info()
