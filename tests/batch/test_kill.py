"""kill -9 of a worker and of the driver in mid-run: nothing lost, nothing twice, the same bytes."""

import json
import os
import signal
from datetime import datetime
from pathlib import Path

from helpers.batch_bench import BatchBench, await_true, fates, is_alive, results, workers_of

from sdseg.batch.folder_source import find_in_folders
from sdseg.batch.job import Job, State
from sdseg.batch.maker import Equipment, Maker
from sdseg.engines.speed import PLAIN_SPEED

SERIES = 10


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
    assert found == made_undisturbed(bench, output)

    times = {path: path.stat().st_mtime_ns for path in output.glob("[0-9]*/*.dcm")}
    again = bench.finish(output)
    assert set(fates(again).values()) == {"before"}
    assert {path: path.stat().st_mtime_ns for path in output.glob("[0-9]*/*.dcm")} == times
    assert "SECRET" not in report["log"] + again["log"] + json.dumps(again)
    assert all("SECRET" not in path.read_text() for path in (output / ".sdseg-batch").rglob("*.jsonl"))


def made_undisturbed(bench: BatchBench, output: Path) -> dict[str, bytes]:
    """The same series segmented in this process, one after the other, at the times that the journal planned."""
    planned = {}
    for line in (output / ".sdseg-batch" / "journal.jsonl").read_text().splitlines():
        entry = json.loads(line)
        if entry["event"] == "planned":
            assert entry["key"] not in planned, "planned twice"
            planned[entry["key"][:12]] = entry["at"]
    maker, made = Maker(Equipment(threads=1, speed=PLAIN_SPEED)), {}
    for found in find_in_folders([bench.archive]):
        (path,) = output.glob(f"*/{found.series_uid}.*.dcm")
        target = output.parent / "undisturbed.dcm"
        at = datetime.fromisoformat(planned[path.name.split(".")[-2]])
        job = Job(found.study_uid, found.series_uid, str(bench.weights), str(target), at, found.files)
        assert maker.do(job).state is State.MADE
        made[found.series_uid] = target.read_bytes()
    return made
