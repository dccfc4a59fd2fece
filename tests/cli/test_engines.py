"""`sdseg engines`, and the options of segment and evaluate."""

from pathlib import Path

import pytest
from helpers.models import save_tiny_weights
from typer.testing import CliRunner, Result

from sdseg.cli.main import app
from sdseg.engines.choice_memory import Remembered, recall, remember
from sdseg.engines.engine import ENGINES
from sdseg.errors import InputError, UnknownNameError, WeightsError


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDSEG_CACHE", str(tmp_path / "cache"))


def test_engines_are_listed() -> None:
    lines = run("engines").output.splitlines()
    assert [line.split()[0] for line in lines] == ["plain", *ENGINES]
    assert all(("not exact" in line) != ENGINES[line.split()[0]].exact for line in lines[1:])
    assert all("pip install" in line for line in lines if "missing" in line)


def test_engines_are_measured_and_forgotten(tmp_path: Path) -> None:
    weights = save_tiny_weights(tmp_path / "weights")
    found = run("engines", "--measure", "--weights", weights)
    assert found.exit_code == 0 and "engine=" in found.output and "torch-fp32" in found.output
    remember("key", Remembered("plain", 1.0))
    assert "forgotten=1" in run("engines", "--forget").output and recall("key") is None


def test_a_preset_is_measured_with_random_weights() -> None:
    found = run("engines", "--measure", "--preset", "tiny")
    assert found.exit_code == 0 and "Dice" not in found.output and "engine=" in found.output
    assert isinstance(run("engines", "--preset", "tiny", "--weights", "x").exception, InputError)
    assert isinstance(run("engines", "--preset", "huge").exception, UnknownNameError)


@pytest.mark.parametrize("engine", ["plain", "auto", "torch-fp32"])
def test_segment_runs_by_the_engine_that_is_named(tmp_path: Path, ct_folder: Path, engine: str) -> None:
    weights = save_tiny_weights(tmp_path / "weights")
    options = ("--modality", "MR", "--engine", engine, "--weights", weights)
    made = run("segment", ct_folder, "-o", tmp_path / "out.nii.gz", *options)
    told = made.output + str(made.exception)
    assert made.exit_code == 0 or "modality" in told.lower()


def test_wrong_choices_are_one_sentence(tmp_path: Path, ct_folder: Path) -> None:
    weights = save_tiny_weights(tmp_path / "weights")
    asked = ("segment", ct_folder, "-o", tmp_path / "out.nii.gz", "--weights", weights)
    assert isinstance(run(*asked, "--engine", "warp").exception, UnknownNameError)
    assert isinstance(run(*asked, "--decoder", "lite").exception, WeightsError)
    data = ("evaluate", "--dataset", "pairs", "--root", tmp_path, "-o", tmp_path / "report", "--tables", "all")
    assert isinstance(run(*data, "--engine", "auto").exception, InputError)
