"""How a training went, told from its file, also when it could not tell itself."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sdseg_app.jobs.train_stats import TrainStats, read_stats
from sdseg_app.jobs.training import Curves, training_curves, training_status

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
    assert seen.detail == "The training ended without a result; its log tells why."
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
    final = stats.finished({"best_metric": 0.5})
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
