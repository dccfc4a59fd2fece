"""Between a request or answer of DICOMweb and FastAPI's."""

from collections.abc import AsyncIterator, Generator, Iterable, Iterator
from contextlib import contextmanager

from fastapi import HTTPException, Request
from fastapi.concurrency import iterate_in_threadpool
from fastapi.responses import Response, StreamingResponse

from sdseg.dicomweb.answer import Answer, RequestError
from sdseg.dicomweb.resource import Resource

PREFIX = "/dicom-web"
_EMPTY = 204


@contextmanager
def telling() -> Iterator[None]:
    """A RequestError has its status."""
    try:
        yield
    except RequestError as error:
        raise HTTPException(error.status, str(error), error.headers) from error


def resource_of(request: Request) -> Resource:
    """Raises RequestError 404. An encoded path is none of ours: what would have to be encoded is in no resource."""
    if b"%" in request.scope.get("raw_path", b""):
        raise RequestError(404, "That is no DICOMweb resource; its address holds encoded characters.")
    return Resource.parse(request.scope["path"].partition(PREFIX)[2])


def base_of(request: Request) -> str:
    """Address of our DICOMweb service, as the client knows it."""
    return f"{request.base_url}".rstrip("/") + PREFIX


def accept_of(request: Request) -> str:
    return ", ".join(request.headers.getlist("accept"))


def reply(answer: Answer) -> Response:
    if answer.status == _EMPTY:
        for _ in answer.body:
            pass
        return Response(status_code=answer.status, headers=dict(answer.headers))
    headers = {**answer.headers, "Content-Type": answer.media_type or "application/octet-stream"}
    return StreamingResponse(_streamed(answer.body), answer.status, headers=headers)


async def _streamed(body: Iterable[bytes]) -> AsyncIterator[bytes]:
    """Made in a thread, piece by piece. Who hangs up ends it at once: files and connections behind it are freed."""
    iterator = iter(body)
    try:
        async for piece in iterate_in_threadpool(iterator):
            yield piece
    finally:
        if isinstance(iterator, Generator):
            iterator.close()
