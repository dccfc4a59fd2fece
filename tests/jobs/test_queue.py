"""The queue: order, bounds, places, progress, cancelling, and what is left afterwards."""

import gc
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import CancelledError
from typing import Any

import pytest

from sdseg.errors import InputError, UnknownNameError
from sdseg.jobs.errors import DuplicateJobError, JobCancelledError, QueueFullError
from sdseg.jobs.job import Asked, Job
from sdseg.jobs.queue import JobQueue

SECONDS = 20
CPU = Asked("sdseg", "1.2.3", "local", "cpu")
GPU = Asked("sdseg", "1.2.3", "local", "cuda:0")


class Gate:
    """Work that goes on slice by slice, as it is told."""

    def __init__(self, slices: int = 3) -> None:
        self._slices = slices
        self._steps = threading.Semaphore(0)
        self.began = threading.Event()
        self.thread = ""

    def __call__(self, job: Job) -> str:
        self.thread = threading.current_thread().name
        job.enter("model", self._slices)
        self.began.set()
        for done in range(1, self._slices + 1):
            assert self._steps.acquire(timeout=SECONDS)
            job.progress(done, self._slices)
        return f"result of {job.id}"

    def step(self, count: int = 1) -> None:
        self._steps.release(count)

    def finish(self) -> None:
        self.step(self._slices)


def until(queue: JobQueue, condition: Callable[[], bool]) -> None:
    """Wait for the change that makes it true."""
    changed = threading.Event()
    with queue.listening(changed.set):
        while not condition():
            assert changed.wait(SECONDS)
            changed.clear()


def test_jobs_of_a_device_run_one_after_the_other_in_their_order() -> None:
    queue = JobQueue(5)
    gates = [Gate() for _ in range(3)]
    jobs = [queue.submit(CPU, gate, id=f"job-{number}") for number, gate in enumerate(gates)]
    assert gates[0].began.wait(SECONDS)
    assert [queue.status(job).place for job in jobs] == [None, 1, 2]
    assert [queue.status(job).state for job in jobs] == ["running", "waiting", "waiting"]
    assert not gates[1].began.is_set()
    for number, (gate, job) in enumerate(zip(gates, jobs, strict=True)):
        gate.finish()
        assert job.future.result(SECONDS) == f"result of job-{number}"
    until(queue, lambda: jobs[2].has_ended)
    assert len({gate.thread for gate in gates}) == 1
    seen = queue.overview()
    assert (seen.running, seen.waiting) == ([], [])
    assert [job.id for job in seen.recent] == ["job-2", "job-1", "job-0"]
    ended = seen.recent[0]
    assert ended.created <= (ended.started or "") <= (ended.ended or "")


def test_devices_do_not_wait_for_each_other() -> None:
    queue = JobQueue(1)
    one, other = Gate(), Gate()
    jobs = [queue.submit(CPU, one), queue.submit(GPU, other)]
    assert one.began.wait(SECONDS) and other.began.wait(SECONDS)
    assert [queue.status(job).place for job in jobs] == [None, None]
    one.finish()
    other.finish()
    for job in jobs:
        job.future.result(SECONDS)


def test_a_full_queue_tells_how_many_wait_and_takes_the_next_when_one_left() -> None:
    queue = JobQueue(2)
    gate, last = Gate(), Gate()
    running = queue.submit(CPU, gate)
    waiting = [queue.submit(CPU, Gate()) for _ in range(2)]
    released: list[int] = []
    with pytest.raises(QueueFullError, match="2 inferences wait already") as refused:
        queue.submit(CPU, Gate(), release=lambda: released.append(1))
    assert refused.value.retry_after >= 1
    assert released == [], "who was refused keeps what is his"
    queue.cancel(waiting[0])
    accepted = queue.submit(CPU, last)
    assert queue.status(accepted).place == 2
    queue.cancel(waiting[1])
    gate.finish()
    last.finish()
    running.future.result(SECONDS)
    accepted.future.result(SECONDS)


def test_a_waiting_job_leaves_at_once_and_its_things_go() -> None:
    queue = JobQueue(3)
    gate, unused, last = Gate(), Gate(), Gate()
    running = queue.submit(CPU, gate)
    gone: list[str] = []
    waiting = queue.submit(CPU, unused, release=lambda: gone.append("folder"))
    after = queue.submit(CPU, last)
    queue.cancel(waiting)
    assert queue.status(waiting).state == "cancelled"
    assert gone == ["folder"]
    assert queue.status(after).place == 1
    with pytest.raises(CancelledError):
        waiting.future.result(0)
    gate.finish()
    last.finish()
    running.future.result(SECONDS)
    after.future.result(SECONDS)
    assert not unused.began.is_set()


def test_a_running_job_stops_at_its_next_slice() -> None:
    queue = JobQueue(1)
    gate, gone = Gate(100), threading.Event()
    job = queue.submit(CPU, gate, release=gone.set)
    assert gate.began.wait(SECONDS)
    gate.step()
    until(queue, lambda: job.done == 1)
    queue.cancel(job)
    gate.step()
    with pytest.raises(JobCancelledError):
        job.future.result(SECONDS)
    assert gone.wait(SECONDS)
    status = queue.status(job)
    assert (status.state, status.done, status.detail) == ("cancelled", 1, "Cancelled.")


def test_what_is_being_filed_is_filed_whole() -> None:
    queue = JobQueue(1)
    filing, go_on = threading.Event(), threading.Event()

    def work(job: Job) -> str:
        job.enter("file")
        job.commit()
        filing.set()
        assert go_on.wait(SECONDS)
        job.enter("file")
        return "filed"

    job = queue.submit(CPU, work)
    assert filing.wait(SECONDS)
    queue.cancel(job)
    go_on.set()
    assert job.future.result(SECONDS) == "filed"
    until(queue, lambda: job.state == "done")


def test_a_job_cancelled_before_it_files_files_nothing() -> None:
    queue = JobQueue(1)
    near, go_on, filed = threading.Event(), threading.Event(), []

    def work(job: Job) -> None:
        near.set()
        assert go_on.wait(SECONDS)
        job.commit()
        filed.append(1)

    job = queue.submit(CPU, work)
    assert near.wait(SECONDS)
    queue.cancel(job)
    go_on.set()
    with pytest.raises(JobCancelledError):
        job.future.result(SECONDS)
    assert filed == []


def test_the_time_left_is_told_when_it_was_measured_and_not_before() -> None:
    queue = JobQueue(3)
    gate, next_gate = Gate(4), Gate(4)
    job, waiting = queue.submit(CPU, gate), queue.submit(CPU, next_gate)
    assert gate.began.wait(SECONDS)
    assert queue.status(job).eta_seconds is None
    gate.step(2)
    until(queue, lambda: job.done == 2)
    assert queue.status(job).eta_seconds is not None
    assert queue.status(waiting).eta_seconds is None, "no job of this model has ended yet"
    gate.step(2)
    job.future.result(SECONDS)
    assert next_gate.began.wait(SECONDS)
    third = queue.submit(CPU, Gate(4))
    next_gate.step(2)
    until(queue, lambda: waiting.done == 2)
    estimates = queue.status(third).eta_seconds, queue.status(waiting).eta_seconds
    assert estimates[0] is not None and estimates[1] is not None and estimates[0] >= estimates[1]
    queue.cancel(third)
    next_gate.step(2)
    waiting.future.result(SECONDS)


def test_a_failure_is_told_without_its_insides_and_holds_no_memory() -> None:
    class Tensor:
        pass

    held: list[weakref.ref[Any]] = []
    queue = JobQueue(1)

    def wrong(job: Job) -> None:
        tensor = Tensor()
        held.append(weakref.ref(tensor))
        try:
            raise ValueError("inside")
        except ValueError as error:
            raise RuntimeError("secret of the server") from error

    job = queue.submit(CPU, wrong)
    with pytest.raises(RuntimeError, match="secret"):
        job.future.result(SECONDS)
    until(queue, lambda: job.has_ended)
    assert queue.status(job).detail == "The server made a mistake; its log tells which."
    gc.collect()
    assert held[0]() is None
    refused = queue.submit(CPU, _refuse)
    with pytest.raises(InputError):
        refused.future.result(SECONDS)
    until(queue, lambda: refused.has_ended)
    assert queue.status(refused).detail == "The image is broken; send another."
    assert queue.submit(CPU, lambda job: "next").future.result(SECONDS) == "next"


def test_a_chain_of_errors_that_is_a_ring_ends() -> None:
    def wrong(job: Job) -> None:
        cause, consequence = InputError("The image is broken; send another."), RuntimeError("of a library")
        cause.__cause__, consequence.__cause__ = consequence, cause
        raise cause

    queue = JobQueue(1)
    job = queue.submit(CPU, wrong)
    with pytest.raises(InputError):
        job.future.result(SECONDS)
    until(queue, lambda: job.state == "failed")
    assert queue.submit(CPU, lambda job: "next").future.result(SECONDS) == "next"


def _refuse(job: Job) -> None:
    raise InputError("The image is broken; send another.")


def test_ended_jobs_are_forgotten_in_their_order() -> None:
    forgotten: list[str] = []
    queue = JobQueue(5, kept=2, forget=lambda job: forgotten.append(job.id))
    for number in range(4):
        queue.submit(CPU, lambda job: None, id=str(number)).future.result(SECONDS)
    until(queue, lambda: forgotten == ["0", "1"])
    assert [job.id for job in queue.overview().recent] == ["3", "2"]
    with pytest.raises(UnknownNameError):
        queue.find("0")
    with pytest.raises(DuplicateJobError):
        queue.submit(CPU, lambda job: None, id="3")


def test_closing_cancels_everything_and_takes_no_more() -> None:
    queue = JobQueue(5)
    gate = Gate()
    running, waiting = queue.submit(CPU, gate), queue.submit(CPU, Gate())
    assert gate.began.wait(SECONDS)
    queue.close()
    assert queue.status(waiting).state == "cancelled"
    gate.step()
    with pytest.raises(JobCancelledError):
        running.future.result(SECONDS)
    with pytest.raises(JobCancelledError, match="ending"):
        queue.submit(CPU, Gate())
