"""How jobs are shown: without what lies where on the server."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from sdseg.jobs.status import JobStatus
from sdseg_app.jobs.service import InferenceJobs
from sdseg_app.jobs.training import training_status
from sdseg_app.jobs.view import JobsView
from sdseg_app.routes.server_paths import hide_paths


class HasJobs(Protocol):
    """What the view needs of the app."""

    jobs: InferenceJobs

    def training_files(self) -> Mapping[str, Path]: ...


def jobs_view(app: HasJobs) -> JobsView:
    """Reads files and asks for a process: not for the event loop."""
    seen = app.jobs.queue.overview()
    training = training_status(app.training_files())
    return JobsView(
        running=[shown(job) for job in seen.running],
        waiting=[shown(job) for job in seen.waiting],
        recent=[shown(job) for job in seen.recent],
        training=training and replace(training, detail=hide_paths(training.detail)),
    )


def shown(job: JobStatus) -> JobStatus:
    """Without the server's folders."""
    return replace(job, detail=hide_paths(job.detail))
