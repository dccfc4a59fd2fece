"""A worker as a process of this machine."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from queue import SimpleQueue
from typing import Any

from sdseg.batch.hand import WorkerDiedError
from sdseg.batch.job import Job, Outcome
from sdseg.batch.maker import Equipment, Maker
from sdseg.errors import SdsegError
from sdseg.scratch import sweep_scratch

# Forked from a process that holds the imports: a worker is there in a moment, and its libraries lie in memory once.
_CONTEXT = multiprocessing.get_context("forkserver")
_IMPORTS = ["sdseg.batch.imports"]
START_SECONDS = 900.0
"""For loading weights and measuring engines on a machine that has other things to do."""


class ProcessHand:
    """A `Hand`: a process that ends with this one, however this one ends.

    Args:
        equipment: how it computes.
        weights, weights_sha256: loaded before it is called ready; "" for those of each job.
        job_seconds: after which a job that does not end has its worker killed.
    """

    def __init__(
        self, equipment: Equipment, weights: str = "", weights_sha256: str = "", job_seconds: float = 3600.0
    ) -> None:
        self._equipment, self._weights, self._job_seconds = equipment, (weights, weights_sha256), job_seconds
        self._process: ForkServerProcess | None = None
        self._pipe: Connection | None = None
        self._killing = threading.Lock()
        self._killed = False

    def start(self) -> None:
        with self._killing:
            if self._killed:
                raise WorkerDiedError("killed")
            self._end()
            _CONTEXT.set_forkserver_preload(_IMPORTS)
            self._pipe, theirs = _CONTEXT.Pipe()
            arguments = (theirs, self._equipment, *self._weights)
            self._process = _CONTEXT.Process(target=_serve, args=arguments, name="sdseg worker", daemon=True)
            self._process.start()
            theirs.close()
        answer = self._receive(START_SECONDS)
        if isinstance(answer, SdsegError):
            raise answer

    def do(self, job: Job) -> Outcome:
        try:
            assert self._pipe is not None, "not started"
            self._pipe.send(job)
        except OSError as error:
            raise WorkerDiedError("it ended") from error
        outcome = self._receive(self._job_seconds)
        assert isinstance(outcome, Outcome)
        return outcome

    def kill(self) -> None:
        with self._killing:
            self._killed = True
            if self._process is not None:
                self._process.kill()

    def _receive(self, seconds: float) -> Any:
        assert self._pipe is not None and self._process is not None
        try:
            if self._pipe.poll(seconds):
                return self._pipe.recv()
        except (EOFError, OSError) as error:
            self._process.join()
            raise WorkerDiedError(f"exit code {self._process.exitcode}") from error
        self._process.kill()
        raise WorkerDiedError(f"no answer in {seconds:.0f} seconds")

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()
            sweep_scratch()
        if self._pipe is not None:
            self._pipe.close()


def _serve(pipe: Connection, equipment: Equipment, weights: str, weights_sha256: str) -> None:
    """The process: answers jobs until the pipe ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's is for the one who hands out work
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what libraries print is no result of the command
    maker = Maker(equipment)
    try:
        maker.ready(weights, weights_sha256)
    except (SdsegError, OSError) as error:
        pipe.send(error if isinstance(error, SdsegError) else SdsegError(f"{error.strerror}."))
        return
    jobs: SimpleQueue[Job] = SimpleQueue()
    threading.Thread(target=_listen, args=(pipe, jobs), daemon=True).start()
    answer: Outcome | None = None
    while True:
        try:
            pipe.send(answer)
        except OSError:
            os._exit(1)
        answer = maker.do(jobs.get())


def _listen(pipe: Connection, jobs: SimpleQueue[Job]) -> None:
    """A pipe that ends means that the one who hands out work is gone: nobody wants what is being made."""
    while True:
        try:
            jobs.put(pipe.recv())
        except (EOFError, OSError):
            os._exit(1)
