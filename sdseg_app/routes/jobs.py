"""Inferences that wait, run and ran, the training, and their progress."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Path
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from sdseg.jobs.job import Job
from sdseg.jobs.status import JobStatus
from sdseg_app.jobs.changes import changes
from sdseg_app.jobs.training import Curves, training_curves
from sdseg_app.jobs.view import JobsView
from sdseg_app.routes.access import Reader, running_app
from sdseg_app.routes.job_outcome import SEGMENTATION, http_errors, send_reply
from sdseg_app.routes.job_view import jobs_view, shown
from sdseg_app.routes.responses import errors
from sdseg_app.security.users import Role

router = APIRouter(prefix="/jobs", tags=["Jobs"])

_ALL_EVERY = 0.5  # seconds between two events about all jobs, at least
_ONE_EVERY = 0.2
_EVENTS: dict[str, Any] = {"response_class": EventSourceResponse}


def known_job(id: Annotated[str, Path(max_length=64, description="Id of a job.")]) -> Job:
    """Raises UnknownNameError: before a stream begins."""
    return running_app().jobs.queue.find(id)


KnownJob = Annotated[Job, Depends(known_job)]


@router.get("/", summary="What runs, waits and ran, and the training")
def get_jobs(user: Reader) -> JobsView:
    """Jobs tell ids of images, never names of persons."""
    return jobs_view(running_app())


@router.get("/events", summary="The same as Server-Sent Events, at every change", **_EVENTS)
async def get_events(user: Reader) -> AsyncIterator[ServerSentEvent]:
    """Event `jobs`, its data as GET /jobs/ answers; at most two a second."""
    last: JobsView | None = None
    async for _ in changes(running_app().jobs.queue, _ALL_EVERY):
        now = await run_in_threadpool(jobs_view, running_app())
        if now != last:
            yield ServerSentEvent(event="jobs", data=now)
        last = now


@router.get("/training/curves", summary="Losses and validation of the training that runs, or of the last one")
def get_curves(user: Reader) -> Curves:
    return training_curves(running_app().training_files())


@router.get("/{id}", summary="One job", responses=errors(404))
def get_job(user: Reader, job: KnownJob) -> JobStatus:
    return shown(running_app().jobs.queue.status(job))


@router.delete("/{id}", summary="Cancel a job", responses=errors(404))
def delete_job(user: Reader, job: KnownJob) -> JobStatus:
    """A waiting job leaves at once; a running one stops at its next slice, unless it is already being filed. 403 for
    the job of another user, except for an admin."""
    if job.asked.user != user.name and user.role < Role.ADMIN:
        raise HTTPException(403, "This job is another user's; ask an admin to cancel it.")
    queue = running_app().jobs.queue
    queue.cancel(job)
    return shown(queue.status(job))


@router.get(
    "/{id}/result",
    summary="The reply to the inference",
    response_class=Response,
    responses=SEGMENTATION | errors(404, 409, 502, 503, 507),
)
def get_result(user: Reader, job: KnownJob) -> FileResponse:
    """What POST /infer/ would have answered, errors too; 409 until the job has ended. The last jobs' are kept."""
    if not job.has_ended:
        raise HTTPException(409, f"The job {job.id} has not ended yet; ask again later.")
    with http_errors():
        return send_reply(job)


@router.get(
    "/{id}/events", summary="One job as Server-Sent Events, until it has ended", responses=errors(404), **_EVENTS
)
async def get_job_events(user: Reader, job: KnownJob) -> AsyncIterator[ServerSentEvent]:
    """Event `job`, its data as GET /jobs/{id} answers; the last one tells how it ended."""
    queue, last = running_app().jobs.queue, None
    async for _ in changes(queue, _ONE_EVERY):
        now = await run_in_threadpool(lambda: shown(queue.status(job)))
        if now != last:
            yield ServerSentEvent(event="job", data=now)
        last = now
        if job.has_ended and now.ended:
            return
