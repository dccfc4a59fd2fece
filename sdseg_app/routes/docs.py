"""The API page /docs and the document it shows, /openapi.json: ours, without a network."""

from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse

from sdseg_app.routes.access import Reader
from sdseg_app.routes.responses import Told

router = APIRouter(tags=["Others"])

_PAGE = Path(__file__).parents[1] / "web" / "api" / "index.html"


class Description(Told):
    """An OpenAPI document."""

    openapi: str
    paths: dict[str, Any]


@router.get("/openapi.json", summary="What this server answers, as OpenAPI", response_model=Description)
def get_openapi(user: Reader, request: Request) -> JSONResponse:
    return JSONResponse(request.app.openapi())


@router.get("/docs", summary="The same as a page", response_class=HTMLResponse)
def get_docs(user: Reader) -> str:
    return _PAGE.read_text(encoding="utf-8")
