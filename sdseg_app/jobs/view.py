"""All jobs and the training, as one value for lists, pages and streams."""

from dataclasses import dataclass

from sdseg.jobs.status import JobStatus
from sdseg_app.jobs.training import TrainingStatus


@dataclass(frozen=True)
class JobsView:
    """What GET /jobs/ answers: the inferences, and the training that runs or ran last."""

    running: list[JobStatus]
    waiting: list[JobStatus]
    recent: list[JobStatus]
    training: TrainingStatus | None
