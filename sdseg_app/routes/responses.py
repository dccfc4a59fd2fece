"""How a route declares what it answers: `responses=errors(404, 502)`, `responses=file_reply("application/zip")`.

Every route has the statuses of `ALWAYS` besides; `routes/install.py` adds them. A status that a route can answer and
does not declare is a bug, which the tests look for with schemathesis. All errors have one shape, `ErrorMessage`.
"""

from typing import Any

from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.types import Receive, Scope, Send

Responses = dict[int | str, dict[str, Any]]


class ErrorMessage(BaseModel):
    """What went wrong."""

    detail: str = Field(description="One sentence: what is wrong and what to do about it.")


class Told(BaseModel):
    """An answer that promises the named fields and may hold others, as MONAI Label's do."""

    model_config = ConfigDict(extra="allow")


class WholeFile(FileResponse):
    """A file that is always sent whole, as `file_reply` declares: who asks for a part gets all, as HTTP allows."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(name, value) for name, value in scope["headers"] if name not in (b"range", b"if-range")]
        self.headers["accept-ranges"] = "none"
        await super().__call__({**scope, "headers": headers}, receive, send)


_MEANING = {
    400: "The request is not HTTP as it should be: broken multipart, JSON in another encoding, an unknown host.",
    401: "Who asks is not known: the token is missing, wrong or out of date.",
    403: "Who asks is known, but may not do this.",
    404: "There is nothing of this name.",
    406: "This is not offered here.",
    409: "Not now, or not any more: its state forbids it.",
    413: "The request is too large.",
    415: "A body of this type is not read here.",
    422: "The request cannot be used as it is: a value, a file or an image is wrong.",
    429: "One is already running, or too many were asked for; ask again later.",
    502: "The archive did not answer, or did not take or give what it was asked for.",
    503: "Not now: the queue is full, memory is short, there are no usable weights, or the issuer of tokens is away.",
    504: "The archive did not answer in time.",
    507: "The disk of the server is full.",
}
ALWAYS = (400, 401, 403, 413, 422, 503)
"""What any request may be answered, whatever the route."""

_REF = {"$ref": f"#/components/schemas/{ErrorMessage.__name__}"}


def errors(*statuses: int) -> Responses:
    """For `responses=`: these statuses, each with a sentence as JSON. Raises KeyError for one without a meaning."""
    return {
        status: {"description": _MEANING[status], "content": {"application/json": {"schema": _REF}}}
        for status in statuses
    }


def file_reply(*media_types: str, what: str = "The file.", status: int = 200) -> Responses:
    """For `responses=`, with `response_class=Response`: a reply that is a file of one of these types (`WholeFile`)."""
    file = {"type": "string", "format": "binary"}
    content = {kind: {"schema": {} if kind.endswith("json") else file} for kind in media_types}
    return {status: {"description": what, "content": content}}


def empty_reply(what: str, status: int = 200) -> Responses:
    """For `responses=`, with `response_class=Response`: a reply without a body, as to HEAD."""
    return {status: {"description": what, "content": {}}}
