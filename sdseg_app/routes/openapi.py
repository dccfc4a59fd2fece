"""The published description of what this server answers: /openapi.json."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import iter_route_contexts

from sdseg_app.routes.access import Needs
from sdseg_app.routes.responses import ErrorMessage

_ABOUT = """\
SDSeg as a [MONAI Label](https://github.com/Project-MONAI/MONAILabel) server: series of DICOM in, DICOM SEG out.

Every error has one shape, `{"detail": "one sentence."}`. Beside what each operation names, an address that does not
exist is answered 404, and a method that an address does not have 405 with `Allow`.
"""
# FastAPI's own shapes of an error, which this server does not use.
_UNUSED = ("HTTPValidationError", "ValidationError")
_BEARER = {
    "type": "http",
    "scheme": "bearer",
    "description": "A token of this server or of its issuer.",
}


def publish(app: FastAPI, title: str, version: str, authenticated: bool) -> None:
    """Describe once, when somebody asks: the routes do not change any more.

    `authenticated`: whether who asks must say who he is.
    """
    kept: list[dict[str, Any]] = []

    def document() -> dict[str, Any]:
        if not kept:
            kept.append(_describe(app, title, version, authenticated))
        return kept[0]

    app.openapi = document  # type: ignore[method-assign]


def _describe(app: FastAPI, title: str, version: str, authenticated: bool) -> dict[str, Any]:
    document = get_openapi(title=title, version=version, description=_ABOUT, routes=app.router.routes)
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in _UNUSED:
        schemas.pop(name, None)
    schemas[ErrorMessage.__name__] = ErrorMessage.model_json_schema()
    if authenticated:
        components["securitySchemes"] = {"token": _BEARER}
    for path, method, role in _roles(app):
        operation = document["paths"][path][method]
        operation["description"] = f"{operation.get('description', '')}\n\nNeeds the role {role}.".strip()
        if authenticated:
            operation["security"] = [{"token": []}]
    _plain_tuples(document)
    return document


def _roles(app: FastAPI) -> Iterator[tuple[str, str, str]]:
    """Path, method in small letters and role of every operation that not everybody may ask for."""
    for route in iter_route_contexts(app.router.routes):
        role = next((need.role.word for need in _needs(route.dependant)), None)
        if role and route.include_in_schema:
            yield from ((str(route.path_format), method.lower(), role) for method in route.methods or ())


def _needs(dependant: Dependant) -> Iterator[Needs]:
    for inner in dependant.dependencies:
        if isinstance(inner.call, Needs):
            yield inner.call
        yield from _needs(inner)


def _plain_tuples(node: Any) -> None:
    """Not every reader of OpenAPI knows `prefixItems`: say the same of a tuple with one schema for all its items."""
    if isinstance(node, dict):
        if "prefixItems" in node:
            node["items"] = {"anyOf": node.pop("prefixItems")}
        for value in node.values():
            _plain_tuples(value)
    elif isinstance(node, list):
        for value in node:
            _plain_tuples(value)
