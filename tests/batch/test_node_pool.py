"""The node with a process that segments: its guarantees are the same."""

import os
import signal
from pathlib import Path

from helpers.batch_bench import await_true, children
from helpers.node_bench import Bench, mr

from sdseg.node.schema import State


def test_a_worker_is_killed_and_its_series_is_segmented_by_the_next(tmp_path: Path, weights: Path) -> None:
    before = forked()
    bench = Bench(tmp_path, weights, {"workers": 1, "engine": "plain"})
    with bench.running():
        bench.send(mr("one"))
        await_true(lambda: bench.status().series[State.DONE] == 1, "the first series")
        for worker in forked() - before:
            os.kill(worker, signal.SIGKILL)
        bench.send(mr("two"))
        await_true(lambda: bench.status().series[State.DONE] == 2, "the second series")
        assert len(bench.delivered()) == 2
    await_true(lambda: not (forked() - before), "the end of the workers")


def forked() -> set[int]:
    """What was forked from the processes that hold imports for this one."""
    return {worker for child in children(os.getpid()) for worker in children(child)}
