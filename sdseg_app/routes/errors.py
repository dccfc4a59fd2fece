"""What a client is told when something goes wrong: a status and one sentence, never a traceback."""

import logging
from json import JSONDecodeError

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from monailabel.interfaces.exception import (
    ImageNotFoundException,
    LabelNotFoundException,
    MONAILabelException,
)

from sdseg.errors import DeliveryError, SdsegError, UnknownNameError, WeightsError

logger = logging.getLogger(__name__)

# The first class that fits counts.
_STATUS: tuple[tuple[type[Exception], int], ...] = (
    (UnknownNameError, 404),
    (DeliveryError, 502),
    (WeightsError, 503),
    (SdsegError, 422),
    (ImageNotFoundException, 404),
    (LabelNotFoundException, 404),
    (MONAILabelException, 400),
)


def tell_user_error(request: Request, error: Exception) -> JSONResponse:
    status = next(code for kind, code in _STATUS if isinstance(error, kind))
    # MONAI Label's own exception keeps its text in an attribute.
    sentence = error.msg if isinstance(error, MONAILabelException) else str(error)
    logger.warning("%s %s: %d %s", request.method, request.url.path, status, sentence)
    return JSONResponse({"detail": sentence}, status)


def tell_bug(request: Request, error: Exception) -> JSONResponse:
    """The server itself logs the traceback after this."""
    return JSONResponse({"detail": "The server made a mistake; its log tells which."}, 500)


def tell_bad_json(request: Request, error: Exception) -> JSONResponse:
    """The stock routes parse form fields without a care."""
    return JSONResponse({"detail": f"A field of the request is not valid JSON: {error}."}, 422)


def install_error_handlers(app: FastAPI) -> None:
    app.add_exception_handler(SdsegError, tell_user_error)
    app.add_exception_handler(MONAILabelException, tell_user_error)
    app.add_exception_handler(JSONDecodeError, tell_bad_json)
    app.add_exception_handler(Exception, tell_bug)
    # Starlette built its stack of handlers when the lifespan began; without one it builds a new one.
    app.middleware_stack = None
