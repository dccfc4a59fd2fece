"""A job as others see it."""

from __future__ import annotations

from dataclasses import dataclass

from sdseg.jobs.job import Job, Stage, State


@dataclass(frozen=True)
class JobStatus:
    """A job at one moment.

    Attributes:
        id, model, image, user, device: as asked; `image` is the id in the datastore, or "upload" or "session".
        state: where it stands.
        place: in the queue of its device, 1 is next; None unless it waits.
        stage: what is being done.
        done, total: slices of the stage, counted once for each noise; 0 where they are not counted.
        eta_seconds: until it ends, None where nothing was measured to tell it from.
        created, started, ended: ISO 8601 in UTC.
        cached: the result was known from an earlier job.
        detail: a sentence about its end.
    """

    id: str
    model: str
    image: str
    user: str
    device: str
    state: State
    place: int | None
    stage: Stage
    done: int
    total: int
    eta_seconds: float | None
    created: str
    started: str | None
    ended: str | None
    cached: bool
    detail: str


def status_of(job: Job, place: int | None, eta: float | None) -> JobStatus:
    return JobStatus(
        id=job.id,
        model=job.asked.model,
        image=job.asked.image,
        user=job.asked.user,
        device=job.asked.device,
        state=job.state,
        place=place,
        stage=job.stage,
        done=job.done,
        total=job.total,
        eta_seconds=None if eta is None else round(eta, 1),
        created=job.created,
        started=job.started,
        ended=job.ended,
        cached=job.cached,
        detail=job.detail,
    )
