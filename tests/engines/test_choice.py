"""The engine that is chosen: measured once, remembered, never one whose masks differ."""

import json
import multiprocessing
import os
import threading
from pathlib import Path

import pytest
import torch
from helpers.models import tiny_pipeline

from sdseg.engines import choice as choosing
from sdseg.engines.choice import choose_engine, choose_for, measure, note_agreed
from sdseg.engines.choice_candidates import candidates, reason_against
from sdseg.engines.choice_key import choice_key
from sdseg.engines.choice_memory import Remembered, cache_file, forget, one_at_a_time, recall, remember
from sdseg.engines.choice_probe import LEAST_DICE, dice_of, probe_slices
from sdseg.engines.choice_trial import try_engine
from sdseg.engines.engine import ENGINES, PLAIN, Engine


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test meets what another remembered. Returns the folder."""
    monkeypatch.setenv("SDSEG_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_choice_is_measured_once_and_told() -> None:
    first = choose_engine(tiny_pipeline(), "cpu")
    assert first.measured and first.trials[0].engine == PLAIN
    assert {trial.engine for trial in first.trials} == {PLAIN, *(engine.name for engine in candidates("cpu"))}
    second = choose_engine(tiny_pipeline(seed=1), "cpu")
    assert not second.measured and second.engine == first.engine


def test_other_sizes_threads_and_libraries_are_measured_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    key = choice_key(tiny_pipeline(), "cpu")
    assert key == choice_key(tiny_pipeline(seed=1), "cpu")
    assert key != choice_key(tiny_pipeline(classes=3), "cpu")
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(threads + 1)
        assert key != choice_key(tiny_pipeline(), "cpu")
    finally:
        torch.set_num_threads(threads)
    monkeypatch.setattr("sdseg.engines.choice_key.version", lambda package: "0")
    assert key != choice_key(tiny_pipeline(), "cpu")


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\x00",
        b"[]",
        b"[" * 100_000,
        b'{"KEY": 1}',
        b'{"KEY": {"engine": "warp", "seconds": 1.0, "agreed": []}}',
        b'{"KEY": {"engine": "openvino-int8", "seconds": 1.0, "agreed": []}}',
        b'{"KEY": {"engine": "plain", "seconds": NaN, "agreed": []}}',
        b'{"KEY": {"engine": "plain", "seconds": 1.0, "agreed": [1]}}',
        b'{"KEY": {"engine": "plain", "seconds": 1.0, "agreed": [], "until": 1.0}}',
        b'{"KEY": {"engine": "plain", "seconds": 1.0, "agreed": [], "until": 1e12}}',
    ],
)
def test_a_damaged_or_foreign_memory_is_no_error(own_cache: Path, content: bytes) -> None:
    own_cache.mkdir()
    key = choice_key(tiny_pipeline(), "cpu")
    (own_cache / "engines.json").write_bytes(content.replace(b"KEY", key.encode()))
    assert choose_engine(tiny_pipeline(), "cpu").measured
    assert not choose_engine(tiny_pipeline(), "cpu").measured


def test_a_memory_that_cannot_be_written_is_no_error(own_cache: Path) -> None:
    own_cache.write_text("a file where the folder should be")
    assert choose_engine(tiny_pipeline(), "cpu").measured
    own_cache.unlink()
    (own_cache / "engines.json").mkdir(parents=True)
    assert choose_engine(tiny_pipeline(), "cpu").measured


def test_what_a_busy_machine_cut_short_is_measured_again_the_next_day(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as busy:
        busy.setattr("sdseg.engines.choice._PATIENCE", -1e9)
        cut_short = choose_engine(tiny_pipeline(), "cpu")
    assert cut_short.engine == PLAIN and any("busy" in trial.reason for trial in cut_short.trials)
    assert not choose_engine(tiny_pipeline(), "cpu").measured
    entry = recall(choice_key(tiny_pipeline(), "cpu"))
    assert entry is not None and entry.until is not None
    monkeypatch.setattr("sdseg.engines.choice_memory.time.time", lambda: entry.until)
    assert choose_engine(tiny_pipeline(), "cpu").measured
    assert not choose_engine(tiny_pipeline(), "cpu").measured


def test_threads_that_come_together_measure_once() -> None:
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(choose_engine(tiny_pipeline(), "cpu").measured)) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [False, False, True]


def _note_many(name: str) -> None:
    for number in range(10):
        with one_at_a_time():
            remember(f"{name}{number}", Remembered(PLAIN, 1.0))


def test_processes_that_write_together_lose_nothing() -> None:
    context = multiprocessing.get_context("fork" if os.name == "posix" else None)
    processes = [context.Process(target=_note_many, args=(name,)) for name in "ab"]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    assert all(recall(f"{name}{number}") for name in "ab" for number in range(10))
    assert forget() == 20 and recall("a0") is None


def test_the_memory_stays_small() -> None:
    for number in range(120):
        remember(str(number), Remembered(PLAIN, 1.0))
    path = cache_file()
    assert path is not None and len(json.loads(path.read_text())) == 100 and recall("119")


def test_weights_are_compared_until_they_agreed() -> None:
    pipeline = tiny_pipeline()
    key = choice_key(pipeline, "cpu")
    remember(key, Remembered("torch-fp32", 1.0))
    assert not choose_engine(pipeline, "cpu", "a").agreed
    note_agreed(key, "a")
    assert choose_engine(pipeline, "cpu", "a").agreed and not choose_engine(pipeline, "cpu", "b").agreed
    own = choose_for(pipeline, "cpu", "b")
    again = choose_engine(pipeline, "cpu", "b")
    assert own.measured and again.agreed and again.engine == own.engine


def test_an_engine_whose_masks_differ_is_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every engine is made quick and wrong: other weights than those that it was given."""
    other = tiny_pipeline(seed=5)
    monkeypatch.setattr("sdseg.engines.choice_trial.speed_up", lambda pipeline, engine: other)
    found = measure(tiny_pipeline(), "cpu")
    assert found.engine == PLAIN
    tried = [trial for trial in found.trials[1:] if trial.dice is not None]
    assert tried and all(trial.ratio is None and "masks differ" in trial.reason for trial in tried)


def test_an_engine_that_fails_is_out_and_told() -> None:
    broken = Engine("broken", "no such backend", "fp32", ("torch",), ("cpu",))
    pipeline, slices = tiny_pipeline(), probe_slices(64)
    trial = try_engine(broken, pipeline, slices, pipeline(slices), 1, LEAST_DICE)
    assert trial.ratio is None and "failed here (KeyError" in trial.reason


def test_the_cheapest_that_agrees_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    costs = {"torch-fp32": 0.5, "torch-bf16": 0.7}
    trial = choosing.Trial
    monkeypatch.setattr(
        choosing, "try_engine", lambda engine, *_: trial(engine.name, costs.get(engine.name, 9.0), 0.0, 1.0)
    )
    monkeypatch.setattr(choosing, "reason_against", lambda *_: "")
    assert measure(tiny_pipeline(), "cpu").engine == "torch-fp32"


def test_what_cannot_win_is_not_tried() -> None:
    pipeline = tiny_pipeline()
    openvino = ENGINES["openvino-fp32"]
    if openvino.is_installed:
        assert "start alone" in reason_against(openvino, pipeline, {PLAIN: 0.002})
        assert not reason_against(openvino, pipeline, {PLAIN: 5.0})
    absent = Engine("absent", "torch", "fp32", ("no_such_package",), ("cpu",))
    assert reason_against(absent, pipeline, {PLAIN: 1.0}) == "not installed (pip install no_such_package)"
    assert all(engine.exact for engine in candidates("cpu"))


def test_agreement_is_that_of_the_masks() -> None:
    mask = torch.zeros(2, 1, 8, 8)
    mask[:, :, :4] = 1
    assert dice_of(mask, mask) == 1.0
    assert dice_of(mask * float("nan"), mask) == 0.0
    assert dice_of(torch.zeros_like(mask), mask) == 0.0
    assert dice_of(mask * 0.4, mask * 0.0) == 0.0  # both empty, but far apart
    assert dice_of(mask * 0.01, mask * 0.0) == 1.0
    assert dice_of(mask[:, :, :, :4], mask) == 0.0
    several = torch.cat([1 - mask, mask, mask * 0], dim=1)
    assert dice_of(several, several) == 1.0
