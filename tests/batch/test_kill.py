"""kill -9 of a worker and of the driver in mid-run: nothing lost, nothing twice, the same bytes."""

import json
import os
import signal
from pathlib import Path

import pytest
from helpers.batch_bench import BatchBench, await_true, fates, is_alive, results, workers_of

SERIES = 10


@pytest.mark.slow
def test_a_worker_and_then_the_driver_are_killed(bench: BatchBench, tmp_path: Path) -> None:
    uids, output = bench.fill(SERIES), tmp_path / "output"
    driver = bench.start(output, "--workers", "1")
    await_true(lambda: results(output), "a first result", driver)
    (victim,) = workers_of(driver.pid)
    os.kill(victim, signal.SIGKILL)
    before = len(results(output))
    await_true(lambda: len(results(output)) > before + 1, "results of the worker after it", driver)
    workers = workers_of(driver.pid)
    assert victim not in workers
    driver.kill()
    driver.wait()
    kept = results(output)
    assert 2 < len(kept) < SERIES, "it was to be killed in mid-run"
    await_true(lambda: not any(map(is_alive, workers)), "the end of the workers without a driver")

    report = bench.finish(output, "--workers", "2")
    assert report["code"] == 0
    found = results(output)
    assert sorted(found) == uids
    assert kept.items() <= found.items()
    assert sorted(set(fates(report).values())) == ["before", "done"]
    assert found == bench.made_undisturbed(output)

    times = {path: path.stat().st_mtime_ns for path in output.glob("[0-9]*/*.dcm")}
    again = bench.finish(output)
    assert set(fates(again).values()) == {"before"}
    assert {path: path.stat().st_mtime_ns for path in output.glob("[0-9]*/*.dcm")} == times
    assert "SECRET" not in report["log"] + again["log"] + json.dumps(again)
    assert all("SECRET" not in path.read_text() for path in (output / ".sdseg-batch").rglob("*.jsonl"))
