"""kill -9 at every step of adding, promoting, rolling back and withdrawing; full disks; torn lines."""

import os
from pathlib import Path

import pytest
from helpers.forked import run_program
from registry.micro_weights import micro_weights

from sdseg.registry.history import History


@pytest.mark.slow
def test_killed_at_any_step_and_on_a_full_disk(tmp_path: Path) -> None:
    weights = [str(micro_weights(tmp_path / str(seed), seed)) for seed in range(3)]
    (tmp_path / "home").mkdir()
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    ended = run_program("registry.crashes", str(tmp_path / "home"), *weights, cwd=tmp_path, env=environment)
    assert ended.returncode == 0, ended.stderr[-3000:]
    steps = {name: int(count) for name, count in (line.split() for line in ended.stdout.splitlines())}
    assert steps.keys() == {"add", "promote", "rollback", "withdraw"}
    assert min(steps.values()) >= 3 and steps["add"] > 12, steps


def test_a_torn_line_is_cut_off_and_a_broken_one_left_aside(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    history = History(path)
    history.add("added", name="a")
    with path.open("ab") as file:
        file.write(b'not json\n{"event": 3}\n{"event": "promo')
    assert [event["name"] for event in history.events()] == ["a"]
    history.add("added", name="b")
    assert [event["name"] for event in History(path).events()] == ["a", "b"]
    assert b"promo" not in path.read_bytes() and b"not json" in path.read_bytes()


def test_an_event_is_taken_back_when_what_it_tells_of_fails(tmp_path: Path) -> None:
    history = History(tmp_path / "history.jsonl")
    history.add("added", name="a")
    with pytest.raises(OSError, match="no room"), history.adding("promoted", name="a"):
        raise OSError("no room")
    assert [event["event"] for event in history.events()] == ["added"]


def test_a_line_longer_than_the_window_that_is_searched(tmp_path: Path) -> None:
    history = History(tmp_path / "history.jsonl")
    history.add("added", name="a", facts={"long": "x" * 200_000})
    with (tmp_path / "history.jsonl").open("ab") as file:
        file.write(b"y" * 150_000)
    history.add("added", name="b")
    assert [event["name"] for event in history.events()] == ["a", "b"]
