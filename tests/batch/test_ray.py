"""A real Ray cluster of two machines on loopback, one of which is killed in mid-run, and then the driver.

Nothing is lost, nothing twice, and every SEG has the bytes that one process makes here.
"""

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from helpers.batch_bench import BatchBench, await_true, fates, results

SERIES = 8


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A head without a place to work, and two machines with one each; all of it ends with the test."""
    if find_spec("ray") is None:
        why = "Ray is not installed: requirements-cluster.txt."
        pytest.fail(why) if os.environ.get("CI") else pytest.skip(why)
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    from ray.cluster_utils import Cluster

    small = {"include_dashboard": False, "object_store_memory": 80 * 2**20}
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **small})
    try:
        yield made
    finally:
        made.shutdown()


@pytest.mark.slow
def test_a_machine_and_then_the_driver_are_killed(bench: BatchBench, tmp_path: Path, cluster: Any) -> None:
    uids, output = bench.fill(SERIES), tmp_path / "output"
    first = cluster.add_node(num_cpus=1, object_store_memory=80 * 2**20)
    options = ("--engine", "ray", "--address", cluster.address, "--workers", "2")
    driver = bench.start(output, *options)
    await_true(lambda: results(output), "a first result", driver)
    cluster.remove_node(first, allow_graceful=False)
    before = len(results(output))
    cluster.add_node(num_cpus=1, object_store_memory=80 * 2**20)
    await_true(lambda: len(results(output)) > before, "a result of the machine that is left", driver)
    driver.kill()
    driver.wait()
    kept = results(output)
    assert len(kept) < SERIES, "it was to be killed in mid-run"

    report = bench.finish(output, *options[:4])
    assert report["code"] == 0, report["log"]
    found = results(output)
    assert sorted(found) == uids
    assert kept.items() <= found.items()
    assert sorted(set(fates(report).values())) == ["before", "done"]
    assert found == bench.made_undisturbed(output), "a cluster makes what one process makes"
    assert "SECRET" not in report["log"]
