"""The published description of what this server answers: /openapi.json."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from sdseg_app.routes.responses import ErrorMessage

_ABOUT = """\
SDSeg as a [MONAI Label](https://github.com/Project-MONAI/MONAILabel) server: series of DICOM in, DICOM SEG out.

Every error has one shape, `{"detail": "one sentence."}`. Beside what each operation names, an address that does not
exist is answered 404, and a method that an address does not have 405 with `Allow`.
"""
# FastAPI's own shapes of an error, which this server does not use.
_UNUSED = ("HTTPValidationError", "ValidationError")


def describe(app: FastAPI, title: str, version: str) -> dict[str, Any]:
    """The OpenAPI document of the app's routes."""
    document = get_openapi(title=title, version=version, description=_ABOUT, routes=app.router.routes)
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name in _UNUSED:
        schemas.pop(name, None)
    schemas[ErrorMessage.__name__] = ErrorMessage.model_json_schema()
    return document


def publish(app: FastAPI, title: str, version: str) -> None:
    """Describe once, when somebody asks: the routes do not change any more."""
    kept: list[dict[str, Any]] = []

    def document() -> dict[str, Any]:
        if not kept:
            kept.append(describe(app, title, version))
        return kept[0]

    app.openapi = document  # type: ignore[method-assign]
