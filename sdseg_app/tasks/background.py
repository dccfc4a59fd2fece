"""MONAI Label's background tasks: trainings, batches and scorings, each kind in a process of its own, one at a time.

The stock functions around the same tables wait for a process that may just have ended, and start a second one when
two ask within milliseconds.
"""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psutil  # type: ignore[import-untyped]
from monailabel.utils.async_tasks import utils as stock

from sdseg.errors import SdsegError

TRAIN, BATCH, SCORING = "train", "batch_infer", "scoring"
MOST_WAITING = 8
_KEPT = 50  # of a kind: what was ended long ago is forgotten
_WAITING, _RUNNING, _STOPPED = "SUBMITTED", "RUNNING", "STOPPED"
# A task that was submitted is started by a thread at once. One that has not been for so long never will be.
_START_SECONDS = 60.0
_STOP_SECONDS = 10.0
_LOOK_SECONDS = 0.1

Task = dict[str, Any]


class TaskRunningError(SdsegError):
    """One of this kind runs already, or too many wait."""


class _Kind:
    """What there is of one kind."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.starting = threading.Lock()
        self.accepted = 0.0  # when the last one was, on the monotonic clock

    def tasks(self) -> list[Task]:
        return list(stock.tasks(self.name))

    def running(self) -> list[str]:
        """Ids of the tasks whose process runs."""
        return list(stock.processes(self.name))

    def waiting(self) -> list[Task]:
        tasks = [task for task in self.tasks() if task["status"] == _WAITING]
        return tasks if self.running() or time.monotonic() - self.accepted < _START_SECONDS else []


_kinds = {name: _Kind(name) for name in (TRAIN, BATCH, SCORING)}


def start(kind: str, request: Mapping[str, Any], enqueue: bool = False) -> Task:
    """Start a task. Raises TaskRunningError: one runs, or with `enqueue` too many wait already."""
    with _place(_kinds[kind], enqueue):
        return _submit(kind, request)


def start_all(kind: str, requests: Mapping[str, Mapping[str, Any]]) -> dict[str, Task]:
    """Start the first and let the others wait for it. Raises TaskRunningError."""
    with _place(_kinds[kind], enqueue=False):
        return {name: _submit(kind, request) for name, request in requests.items()}


def wait_for(task: Task) -> Task:
    """The task when it has ended."""
    while task["status"] in (_WAITING, _RUNNING):
        time.sleep(_LOOK_SECONDS)
    return task


def tasks(kind: str) -> list[Task]:
    """All that are remembered, the latest last."""
    return _kinds[kind].tasks()


def running_task(kind: str) -> Task | None:
    """The one whose process runs."""
    ids = _kinds[kind].running()
    return next((task for task in tasks(kind) if task["id"] in ids), None)


def own_processes(kind: str) -> set[int]:
    """Process ids of what this server started."""
    return {process.pid for process in stock.processes(kind).values()}


def stop(kind: str) -> Task | None:
    """Stop what runs and forget what waits. None when nothing does either."""
    held = _kinds[kind]
    with held.starting:
        waiting = held.waiting()
        _await_start(held, waiting)
        executor = stock.background_executors.pop(kind, None)
        if executor is not None:
            executor.shutdown(wait=False, cancel_futures=True)
        task = running_task(kind)
        if task is not None:
            _end_process(kind, task)
        others = [one for one in waiting if one["status"] == _WAITING]
        for other in others:
            other["status"] = _STOPPED
    return task or (others[0] if others else None)


@contextmanager
def _place(kind: _Kind, enqueue: bool) -> Iterator[None]:
    with kind.starting:
        waiting = kind.waiting()
        if enqueue and len(waiting) >= MOST_WAITING:
            raise TaskRunningError(f"{len(waiting)} {kind.name} tasks wait already; wait for them or stop them first.")
        if not enqueue and (waiting or kind.running()):
            raise TaskRunningError(f"A {kind.name} task is already running; wait for it or stop it first.")
        kind.accepted = time.monotonic()
        yield


def _submit(kind: str, request: Mapping[str, Any]) -> Task:
    known: list[Task] = stock.tasks(kind)
    del known[:-_KEPT]
    task: Task = stock.run_background_task(dict(request), kind)
    return task


def _await_start(kind: _Kind, waiting: list[Task]) -> None:
    """Until the task that is just being started runs: what has no process yet cannot be stopped."""
    ids = kind.running()
    starting = next((task for task in waiting if not ids or task["id"] in ids), None)
    end = time.monotonic() + _STOP_SECONDS
    while starting is not None and starting["status"] == _WAITING and time.monotonic() < end:
        time.sleep(_LOOK_SECONDS)


def _end_process(kind: str, task: Task) -> None:
    process = stock.processes(kind).get(task["id"])
    if process is None:
        return
    try:
        family = [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]
    except psutil.NoSuchProcess:
        return  # it has just ended by itself
    task["status"] = _STOPPED  # before it ends, else the thread that watches it calls it an error
    for member in family:
        _kill(member)
    psutil.wait_procs(family, timeout=_STOP_SECONDS)
    stock.processes(kind).pop(task["id"], None)


def _kill(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return
