"""How a job ends for whoever asked for it."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from typing import Any

from fastapi import HTTPException, Request
from fastapi.responses import FileResponse

from sdseg.jobs.errors import DuplicateJobError, JobCancelledError, QueueFullError
from sdseg.jobs.job import Job
from sdseg_app.jobs.memory import MemoryShortError
from sdseg_app.jobs.reply import Reply
from sdseg_app.routes.access import running_app
from sdseg_app.routes.responses import Responses, file_reply

JOB_HEADER = "X-SDSeg-Job"
SEGMENTATION: Responses = file_reply(
    "multipart/form-data", "application/octet-stream", "application/json", "application/dicom", "application/zip",
    what="The result, as `output` says.",
)  # fmt: skip
_AGAIN = 30  # seconds after which memory may suffice


def send_reply(job: Job) -> FileResponse:
    """Of a job that has ended. Raises what the job raised; 404 where the reply is kept no longer."""
    try:
        reply: Reply = job.future.result(timeout=0)
    except CancelledError:
        raise JobCancelledError(f"The job {job.id} was cancelled.") from None
    if not reply.path.is_file():
        raise HTTPException(404, f"The result of the job {job.id} is kept no longer; ask for it again.")
    headers = {JOB_HEADER: job.id}
    if not reply.name:
        return FileResponse(reply.path, media_type=reply.media_type, headers=headers)
    return FileResponse(reply.path, media_type=reply.media_type, headers=headers, filename=reply.name)


async def unless_gone(request: Request, ended: "asyncio.Future[Any]") -> bool:
    """Wait until the job has `ended`; False when the client hung up before."""
    gone = asyncio.create_task(_hang_up(request))
    try:
        await asyncio.wait({ended, gone}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        gone.cancel()
    return ended.done()


async def _hang_up(request: Request) -> None:
    """The body has been read: what comes now is the end of the connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


@contextmanager
def http_errors() -> Iterator[None]:
    """The statuses of what a queue and a device may refuse."""
    try:
        yield
    except QueueFullError as error:
        raise HTTPException(503, str(error), {"Retry-After": str(error.retry_after)}) from error
    except MemoryShortError as error:
        raise HTTPException(503, str(error), {"Retry-After": str(_AGAIN)}) from error
    except DuplicateJobError as error:
        raise HTTPException(409, str(error)) from error
    except JobCancelledError as error:
        ending = running_app().jobs.queue.closed
        raise HTTPException(503 if ending else 409, str(error)) from error
