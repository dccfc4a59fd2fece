"""Images that a client sends ahead of its questions: PUT, GET, HEAD and DELETE /session/."""

import errno
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Annotated, Any, BinaryIO

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import FileResponse, Response
from pydantic import BaseModel, Field
from starlette.datastructures import UploadFile
from starlette.requests import ClientDisconnect

from sdseg_app.routes.access import Reader, running_app
from sdseg_app.routes.responses import empty_reply, errors, file_reply
from sdseg_app.sessions.files import keep_files, keep_zip
from sdseg_app.sessions.store import Session, opened
from sdseg_app.stores.viewer_volume import viewer_volume

router = APIRouter(prefix="/session", tags=["Session"])

_MOST_FILES = 1000  # each takes memory or a descriptor until all have come
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_MANY = (errno.EMFILE, errno.ENFILE)
_BODY = {
    "type": "object",
    "required": ["files"],
    "properties": {"files": {"type": "array", "items": {"type": "string", "format": "binary"}}},
}


class SessionInfo(BaseModel):
    """What is told about a session; times in seconds since the epoch."""

    name: str = Field(description="The session's id.")
    image: str = Field(description="Under which name of the server's the image is kept; series for DICOM.")
    meta: dict[str, Any] = {}
    create_ts: int
    last_access_ts: int
    expiry: int = Field(description="Seconds after the last use.")


class NewSession(BaseModel):
    """A session that was made."""

    session_id: str
    session_info: SessionInfo


async def _sent(request: Request) -> AsyncIterator[Sequence[tuple[str, BinaryIO]]]:
    """The files of the request: the client's name, and a stream."""
    try:
        form = await request.form(max_files=_MOST_FILES)
    except ClientDisconnect:
        raise HTTPException(400, "The request was broken off; send it again.") from None
    except OSError as error:
        raise _refusal(error) from error
    try:
        parts = [part for part in form.getlist("files") if isinstance(part, UploadFile)]
        yield [(part.filename or "", part.file) for part in parts]
    finally:
        await form.close()


@router.put(
    "/",
    summary="Send an image ahead: one volume or picture, the files of a DICOM series, or a ZIP of either",
    responses=errors(503, 507),
    openapi_extra={"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": _BODY}}}},
)
def put_session(
    user: Reader,
    files: Annotated[Sequence[tuple[str, BinaryIO]], Depends(_sent)],
    uncompress: Annotated[bool, Query(description="The one file is a ZIP.")] = False,
    expiry: Annotated[int, Query(ge=0, description="Seconds after the last use; 0 for the longest.")] = 0,
) -> NewSession:
    """422 for no file, another kind of file, or a ZIP that is not to be trusted; nothing is kept then."""
    app = running_app()
    store = opened(app.sessions())
    limit = app.options.security.max_upload_mb * 2**20
    fill = partial(keep_zip, files, limit=limit) if uncompress else partial(keep_files, files)
    try:
        session = store.add(user.name, fill, expiry)
    except OSError as error:
        raise _refusal(error) from error
    return NewSession(session_id=session.id, session_info=_told(session))


@router.get(
    "/{session_id}",
    summary="About a session, or its image",
    response_model=SessionInfo,
    responses={**errors(404, 507), **file_reply("application/octet-stream", what="The image, with image=true.")},
)
def get_session(session_id: str, user: Reader, update_ts: bool = False, image: bool = False) -> Any:
    """`image=true`: the image as one file, a DICOM series as NRRD. `update_ts=true` puts the end off."""
    session = opened(running_app().sessions()).get(session_id, user.name, use=update_ts)
    if not image:
        return _told(session)
    path = session.image
    try:
        path = viewer_volume(path, path.parent / "volume") if path.is_dir() else path
    except OSError as error:
        raise _refusal(error) from error
    name = f"{session.id}{path.name.removeprefix(path.name.split('.')[0])}"
    return FileResponse(path, media_type="application/octet-stream", filename=name)


@router.head(
    "/{session_id}",
    summary="Does this session exist?",
    response_class=Response,
    responses={**errors(404), **empty_reply("It exists.")},
)
def head_session(session_id: str, user: Reader) -> Response:
    opened(running_app().sessions()).get(session_id, user.name, use=False)
    return Response()


@router.delete("/{session_id}", summary="Remove a session and its image", responses=errors(404))
def delete_session(session_id: str, user: Reader) -> SessionInfo:
    return _told(opened(running_app().sessions()).remove(session_id, user.name))


def _told(session: Session) -> SessionInfo:
    return SessionInfo(
        name=session.id,
        image=session.image.name,
        create_ts=int(session.created),
        last_access_ts=int(session.used),
        expiry=session.expiry,
    )


def _refusal(error: OSError) -> Exception:
    """The error for the client, or itself where it is a bug."""
    if error.errno in _FULL:
        return HTTPException(507, "The disk of the server is full; tell who runs it, or send a smaller image.")
    if error.errno in _MANY:
        return HTTPException(503, "The server has too many files open; send the series as one ZIP file.")
    return error
