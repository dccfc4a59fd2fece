"""POST: storing (STOW-RS). What a person segmented is a label at once."""

import logging
import tempfile
from typing import BinaryIO

from fastapi import APIRouter, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from sdseg.dicomweb.answer import Answer, warning
from sdseg.dicomweb.folder_origin import FolderOrigin
from sdseg.dicomweb.stored_series import stored_series
from sdseg.errors import DeliveryError
from sdseg_app.routes.access import Annotator, running_app
from sdseg_app.routes.dicomweb.origins import archive_store, origin
from sdseg_app.routes.dicomweb.reading import Uid
from sdseg_app.routes.dicomweb.replies import accept_of, base_of, reply, telling
from sdseg_app.routes.responses import Responses, errors

router = APIRouter()
logger = logging.getLogger(__name__)

_SOME_STORED = frozenset({200, 202})
_STORED = {"application/dicom+json": {"schema": {"type": "object"}}}
_ANSWERS: Responses = {
    200: {"description": "All objects were stored (PS3.18 I.2).", "content": _STORED},
    202: {"description": "Some objects were stored; FailedSOPSequence names the others.", "content": _STORED},
    409: {"description": "No object was stored; FailedSOPSequence says why.", "content": _STORED},
    **errors(404, 406, 415, 429, 502, 503, 504, 507),
}
_PARTS = {"schema": {"type": "string", "format": "binary"}}
_BODY = {
    "requestBody": {
        "required": True,
        # The second, which is answered 415, is for tools that try what is published: none can write the first.
        "content": {'multipart/related; type="application/dicom"': _PARTS, "multipart/*": _PARTS},
    }
}


@router.post("/studies", response_class=Response, responses=_ANSWERS, openapi_extra=_BODY, summary="Store objects")
async def store(request: Request, user: Annotator) -> Response:
    """A SEG of a person is the final label of its source series at once; `Warning` tells of one that cannot be."""
    return await _store(request, "")


@router.post(
    "/studies/{study}",
    response_class=Response,
    responses=_ANSWERS,
    openapi_extra=_BODY,
    summary="Store objects of one study",
)
async def store_in_study(request: Request, user: Annotator, study: Uid) -> Response:
    """As above; objects of another study are refused."""
    return await _store(request, study)


async def _store(request: Request, study: str) -> Response:
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise HTTPException(415, "A compressed body is not taken; send the objects as they are.")
    with tempfile.TemporaryFile(prefix="sdseg-stow-") as body:
        async for piece in request.stream():
            await run_in_threadpool(body.write, piece)
        body.seek(0)
        with telling():
            answer = await run_in_threadpool(_file, body, request, study)
    return reply(answer)


def _file(body: BinaryIO, request: Request, study: str) -> Answer:
    content_type, base = request.headers.get("content-type", ""), base_of(request)
    source = origin()
    if isinstance(source, FolderOrigin):
        answer = source.store(body, content_type, study, base)
    else:
        answer = source.store(body, content_type, study, accept_of(request), base)
    # The archive's word is complete before labels are looked for.
    content = b"".join(answer.body)
    said = [answer.headers["Warning"]] if "Warning" in answer.headers else []
    if answer.status in _SOME_STORED:
        running_app().archive_changed()
        said += [warning(remark)["Warning"] for remark in _adopt(stored_series(content))]
    headers = {**answer.headers, **({"Warning": ", ".join(said)} if said else {})}
    return Answer(answer.status, answer.media_type, [content], headers)


def _adopt(series: set[str]) -> list[str]:
    try:
        return archive_store().adopt(series)
    except DeliveryError as error:  # what was stored is stored; the next look will find it
        logger.warning("%s", error)
        return []
