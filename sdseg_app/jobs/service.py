"""The inferences of a server: their queue, and the folder of their replies."""

import os
import shutil
import signal
import sys
import threading
from types import FrameType
from typing import Any

from sdseg.jobs.job import Asked, Job
from sdseg.jobs.queue import JobQueue
from sdseg.scratch import new_scratch_folder
from sdseg_app.jobs.inference import Inference, Inferring
from sdseg_app.jobs.lanes import lane_of
from sdseg_app.jobs.order import Order

_NICE = 5  # of the worker threads: whoever only wants to know something is answered first


class InferenceJobs:
    """One for each server.

    Args:
        app: runs the models.
        length: how many may wait.
    """

    def __init__(self, app: Inferring, length: int) -> None:
        self._app = app
        self.queue = JobQueue(length, forget=self._forget, initializer=be_nice)

    def submit(self, order: Order, user: str, id: str | None = None) -> Job:
        """What the order holds is let go of when the job has ended, or at once where it is refused.

        Raises QueueFullError, DuplicateJobError.
        """
        folder = new_scratch_folder()
        asked = Asked(order.model, order.called, user, lane_of(order.params.device))
        try:
            job = self.queue.submit(asked, Inference(self._app, order, folder), id, release=order.held.close)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            order.held.close()
            raise
        job.folder = folder
        return job

    def end_with_server(self) -> None:
        """When the server is asked to end, cancel everything: it waits for those who wait. Call in the main thread."""
        for number in (signal.SIGTERM, signal.SIGINT):
            before = signal.getsignal(number)

            def end(received: int, frame: FrameType | None, before: Any = before) -> None:
                threading.Thread(target=self.queue.close, daemon=True).start()  # it locks, which a handler must not
                if callable(before):
                    before(received, frame)

            signal.signal(number, end)

    def _forget(self, job: Job) -> None:
        if job.folder is not None:
            shutil.rmtree(job.folder, ignore_errors=True)


def be_nice() -> None:
    """This thread and those that torch starts from it; on Linux a thread has its own priority."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
