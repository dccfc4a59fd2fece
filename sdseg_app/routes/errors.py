"""What a client is told when something goes wrong: a status and one sentence, never a traceback."""

import errno
import logging
import sqlite3
from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.routing import iter_route_contexts
from monailabel.interfaces.exception import (
    ImageNotFoundException,
    LabelNotFoundException,
    MONAILabelException,
)
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import compile_path, get_route_path

from sdseg.errors import DeliveryError, SdsegError, UnknownNameError, WeightsError
from sdseg.jobs.errors import JobCancelledError, QueueFullError
from sdseg_app.routes.server_paths import hide_paths
from sdseg_app.security.headers import security_headers
from sdseg_app.security.replies import route_path
from sdseg_app.tasks.background import TaskRunningError

logger = logging.getLogger(__name__)

# The first class that fits counts.
_STATUS: tuple[tuple[type[Exception], int], ...] = (
    (UnknownNameError, 404),
    (TaskRunningError, 429),
    (QueueFullError, 503),
    (JobCancelledError, 409),
    (DeliveryError, 502),
    (WeightsError, 503),
    (SdsegError, 422),
    (ImageNotFoundException, 404),
    (LabelNotFoundException, 404),
    (MONAILabelException, 400),
)
_NO_ROOM = "The disk of the server is full; free some space and send it again."
_NO_ROOM_NUMBERS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_LONGEST = 1000  # characters of a sentence: what it quotes comes from the request


def tell(status: int, sentence: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The one shape of an error. Lone surrogates, which JSON can smuggle in and UTF-8 cannot hold, become `?`."""
    plain = hide_paths(sentence[:_LONGEST]).encode(errors="replace").decode()
    return JSONResponse({"detail": plain}, status, dict(headers or {}))


def tell_user_error(request: Request, error: Exception) -> JSONResponse:
    status = next(code for kind, code in _STATUS if isinstance(error, kind))
    # MONAI Label's own exception keeps its text in an attribute.
    sentence = error.msg if isinstance(error, MONAILabelException) else str(error)
    logger.warning("%s %s: %d %s", request.method, _one_line(request.url.path), status, _one_line(sentence))
    headers = {"Retry-After": str(error.retry_after)} if isinstance(error, QueueFullError) else None
    return tell(status, sentence, headers)


def tell_bug(request: Request, error: Exception) -> JSONResponse:
    """The server itself logs the traceback after this."""
    # Outside of all middleware, so that nobody else adds the headers.
    return tell(500, "The server made a mistake; its log tells which.", security_headers(route_path(request), 500))


def tell_bad_request(request: Request, error: Exception) -> JSONResponse:
    """A parameter, a field or a body that is missing or not what the API page says."""
    assert isinstance(error, RequestValidationError)
    return tell(422, _sentence_of(error))


def tell_http_error(request: Request, error: Exception) -> Response:
    """What FastAPI, or a route, answers with a status of its own."""
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    sentence = str(error.detail)
    if error.status_code == 404 and sentence == HTTPStatus.NOT_FOUND.phrase:
        sentence = "There is no such address here; /docs lists what there is."
    elif error.status_code == 405:
        allowed = _allowed_methods(request)
        headers["Allow"] = ", ".join(allowed)
        sentence = f"{request.method[:20]} is not offered at this address; use {' or '.join(allowed)}."
    elif error.status_code == 400 and sentence.startswith("There was an error parsing the body"):
        if _is_full(error.__cause__):
            return tell(507, _NO_ROOM)
        sentence = "The body of the request cannot be read; send it as its Content-Type says."
    return tell(error.status_code, sentence, headers)


def tell_disk_error(request: Request, error: Exception) -> JSONResponse:
    """A full disk; any other failure of the system is a bug."""
    if not _is_full(error):
        raise error
    logger.error("%s %s: the disk is full", request.method, _one_line(request.url.path))
    return tell(507, _NO_ROOM)


def tell_nobody(request: Request, error: Exception) -> JSONResponse:
    """The client hung up while it was still sending: nobody reads this, and it is no bug."""
    return tell(400, "The request ended before it was complete.")


def install_error_handlers(app: FastAPI) -> None:
    app.add_exception_handler(SdsegError, tell_user_error)
    app.add_exception_handler(MONAILabelException, tell_user_error)
    app.add_exception_handler(RequestValidationError, tell_bad_request)
    app.add_exception_handler(HTTPException, tell_http_error)
    app.add_exception_handler(OSError, tell_disk_error)
    app.add_exception_handler(sqlite3.OperationalError, tell_disk_error)
    app.add_exception_handler(ClientDisconnect, tell_nobody)
    app.add_exception_handler(Exception, tell_bug)
    # Starlette built its stack of handlers when the lifespan began; without one it builds a new one.
    app.middleware_stack = None


def _is_full(error: BaseException | None) -> bool:
    if isinstance(error, sqlite3.OperationalError):
        return "full" in str(error)
    return isinstance(error, OSError) and error.errno in _NO_ROOM_NUMBERS


def _sentence_of(error: RequestValidationError) -> str:
    """About the first thing that is wrong; what was sent is not repeated."""
    first = error.errors()[0]
    where, *names = [str(part)[:80] for part in first["loc"]] or ["request"]
    reason = str(first["msg"]).removeprefix("Value error, ").rstrip(".")
    if first["type"] == "json_invalid":
        return f"The body is not valid JSON: {first['ctx']['error']} at character {names[-1] if names else 0}."
    place = {"query": "query parameter", "path": "part of the address", "header": "header", "cookie": "cookie"}
    what = f"The {place.get(where, 'field')} {'.'.join(names)}" if names else f"The {where}"
    if first["type"] == "missing":
        return f"{what} is missing; add it as /docs says."
    return f"{what} cannot be used: {reason[:1].lower()}{reason[1:]}."


def _allowed_methods(request: Request) -> list[str]:
    """Of all routes at this address; Starlette tells those of the first one only."""
    path = get_route_path(request.scope)
    routes = [route for route in iter_route_contexts(request.app.router.routes) if route.path and route.methods]
    nearest = next(route.path for route in routes if compile_path(str(route.path))[0].match(path))
    allowed = {method for route in routes if route.path == nearest for method in route.methods or ()}
    return sorted(allowed)


def _one_line(text: str) -> str:
    """A line of the log must not be made by a client."""
    return "".join(character if character.isprintable() else "?" for character in text)
