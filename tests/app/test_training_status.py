"""How a training went, told from its file, also when it could not tell itself."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sdseg_app.jobs.train_stats import TrainStats, read_stats
from sdseg_app.jobs.training import Curves, TrainingStatus, is_training_elsewhere, training_curves, training_status

TRAINING = """
import sys
from pathlib import Path
from sdseg_app.jobs.train_stats import TrainStats
stats = TrainStats(Path(sys.argv[1]), "sdseg", "run/1")
stats.reach("train", 0, 10)
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "sdseg" / "train_stats.json"


def test_a_process_that_ended_without_a_word_is_told_as_failed(file: Path) -> None:
    assert training_status({"sdseg": file}) is None
    subprocess.run(
        [sys.executable, "-c", TRAINING, str(file)], check=True, env={"PYTHONPATH": str(Path(__file__).parents[2])}
    )
    assert read_stats(file)["state"] == "running"
    seen = training_status({"sdseg": file})
    assert seen is not None
    assert (seen.state, seen.stage, seen.total) == ("failed", "train", 10)
    assert "in the stage train at 0 of 10" in seen.detail
    assert "nothing of it is served, and a training of the same name goes on" in seen.detail
    assert read_stats(file)["state"] == "failed", "who reads the file alone is told the same"


def test_stages_and_the_rate_are_told_while_it_runs(file: Path) -> None:
    stats = TrainStats(file, "sdseg", "run/1")
    files = {"sdseg": file, "unet": file.parent / "none.json"}

    def told() -> tuple[str, str, int, int]:
        seen = training_status(files)
        assert seen is not None
        return seen.state, seen.stage, seen.done, seen.total

    assert told() == ("running", "prepare", 0, 0)
    stats.reach("validate", 0, 30)
    assert told() == ("running", "validate", 0, 30)
    stats.paused()
    assert told()[0] == "paused"
    stats.resumed(5.0)
    stats.reach("train", 0, 8)
    assert told() == ("running", "train", 0, 8)
    stats.reach("publish", 0, 0)
    final = stats.finished({"best_metric": 0.5}, "The new weights are served now.")
    assert told()[:2] == ("done", "publish")
    assert {"epoch", "total_epochs", "best_metric", "total_time", "start_ts"} <= final.keys(), "what 3D Slicer reads"
    stats.failed("The disk is full.")
    seen = training_status(files)
    assert seen is not None and (seen.state, seen.detail) == ("failed", "The disk is full.")


def test_of_several_models_the_last_training_counts(tmp_path: Path) -> None:
    files = {name: tmp_path / name / "train_stats.json" for name in ("sdseg", "unet")}
    for name, start in (("sdseg", 200), ("unet", 100)):
        TrainStats(files[name], name, "run/1")
        files[name].write_text(json.dumps({**read_stats(files[name]), "start_ts": start}))
    seen = training_status(files)
    assert seen is not None and seen.model == "sdseg"


def test_curves_come_from_the_log_and_forgive_a_line_cut_short(file: Path) -> None:
    TrainStats(file, "sdseg", "run/1")
    log = file.parent / "run" / "1" / "log.jsonl"
    assert training_curves({"sdseg": file}) == Curves()
    log.parent.mkdir(parents=True)
    lines = [
        {"stage": "validate", "step": 0, "seconds": 1.0, "validation_dice": 0.4},
        {"stage": "finetune", "step": 2, "seconds": 2.0, "loss": 0.5, "latent": 0.5},
        {"stage": "validate", "step": 4, "seconds": 3.0, "validation_dice": None},
    ]
    log.write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"stage": "fine')
    assert training_curves({"sdseg": file}) == Curves([2], [0.5], [(0, 0.4)])


def test_a_damaged_file_is_no_training(file: Path) -> None:
    file.parent.mkdir()
    file.write_text("{")
    assert training_status({"sdseg": file}) is None


def test_the_judging_is_told_as_a_stage_with_what_is_known_of_the_two_models(file: Path) -> None:
    stats = TrainStats(file, "sdseg", "runs/train_01/1")

    def told() -> TrainingStatus:
        seen = training_status({"sdseg": file})
        assert seen is not None
        return seen

    assert (told().judgement, told().champion_sha256, told().challenger_sha256, told().promoted) == (
        None,
        "",
        "",
        False,
    )
    stats.remark("The image 1.2.3 is left out: its label was withdrawn.")
    stats.note(challenger_sha256="b" * 64)
    stats.reach("judge", 3, 12)
    stats.note(champion_sha256="a" * 64, judgement={"accepted": False, "reason": "Worse."})
    seen = told()
    assert (seen.stage, seen.done, seen.total) == ("judge", 3, 12)
    assert (seen.champion_sha256, seen.challenger_sha256) == ("a" * 64, "b" * 64)
    assert seen.judgement == {"accepted": False, "reason": "Worse."}
    stats.finished({"promoted": False}, "The new weights are kept, but not served. Worse.")
    assert told().detail == "The new weights are kept, but not served. Worse."
    assert told().remarks == ["The image 1.2.3 is left out: its label was withdrawn."]


def test_a_full_disk_does_not_end_a_training_that_tells_how_it_goes(file: Path) -> None:
    stats = TrainStats(file, "sdseg", "run/1")
    stats.reach("train", 1, 10)
    before = file.read_bytes()
    file.parent.chmod(0o500)
    try:
        if os.access(file.parent, os.W_OK):  # root may write everywhere: a folder in the place of the file stops him
            file.unlink()
            file.mkdir()
        stats.reach("validate", 0, 4)
    finally:
        file.parent.chmod(0o700)
    if file.is_dir():
        file.rmdir()
        file.write_bytes(before)
    stats.reach("publish", 0, 0)
    assert read_stats(file)["stage"] == "publish"


def test_a_training_of_another_server_is_known_by_its_process(file: Path) -> None:
    assert not is_training_elsewhere({"sdseg": file}, own=())
    stats = TrainStats(file, "sdseg", "run/1")
    assert is_training_elsewhere({"sdseg": file}, own=())
    assert not is_training_elsewhere({"sdseg": file}, own=[os.getpid()])
    stats.stopped("The server that had started the training ended.")
    assert not is_training_elsewhere({"sdseg": file}, own=())
