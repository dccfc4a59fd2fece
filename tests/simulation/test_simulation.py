"""Whole simulations with tiny models: what is asked for, kept, gone on with after a kill, and refused."""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from helpers.models import save_tiny_weights
from typer.testing import CliRunner

from sdseg.cli.main import app
from sdseg.errors import InputError, SdsegError, UnknownNameError
from sdseg.simulation.beginning import Beginning
from sdseg.simulation.book import Book
from sdseg.simulation.plan import Plan
from sdseg.simulation.records import Round
from sdseg.simulation.simulation import Simulation
from sdseg.simulation.writing import write_report
from sdseg.training.config import load_config

Write = Callable[..., Path]
PLAN = Plan(start=2, ask=2, rounds=2, seeds=(0,), first_steps=2, steps=2, batch_size=2, noises=2)
OPTIONS = [
    *("--start", "2", "--ask", "2", "--rounds", "2", "--seeds", "1"),
    *("--first-steps", "2", "--steps", "2", "--batch-size", "2", "--noises", "2"),
]
"""The same on the command line."""


def play(config: Path, folder: Path, plan: Plan = PLAN) -> None:
    """Begin a simulation, or go on with it."""
    Simulation(load_config(config), plan, folder).run()


@pytest.fixture(scope="module")
def straight(shared_configuration: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a simulation that nothing disturbed."""
    folder = tmp_path_factory.mktemp("straight") / "out"
    play(shared_configuration, folder)
    return folder


def rounds_in(folder: Path) -> dict[tuple[int, str, int], Round]:
    """Those kept, without the time they took."""
    return {(done.seed, done.strategy, done.number): replace(done, seconds=0.0) for done in Book(folder).rounds()}


def test_both_strategies_start_alike_and_never_ask_twice_or_for_a_validation_patient(straight: Path) -> None:
    rounds = rounds_in(straight)
    names = [(0, name, number) for name in ("random", "sdseg_uncertainty") for number in (1, 2)]
    assert sorted(rounds) == [(0, "first", 0), *names]
    start = [item.image for item in rounds[0, "first", 0].asked]
    for strategy in ("random", "sdseg_uncertainty"):
        asked = start + [item.image for number in (1, 2) for item in rounds[0, strategy, number].asked]
        assert len(set(asked)) == len(asked) == rounds[0, strategy, 2].labels == 6
        assert all("train-image.nii.gz#" in image for image in asked)
    for done in rounds.values():
        assert [Path(case).name for case in done.dice] == ["validation-image.nii.gz"]
    scored = rounds[0, "sdseg_uncertainty", 1].scored
    assert len(scored) == 6
    assert not {item.image for item in scored} & set(start)
    assert not rounds[0, "random", 1].scored


def test_what_is_done_is_not_done_again_and_more_can_be_added(
    straight: Path, shared_configuration: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    shutil.copytree(straight, out)
    kept = {path: path.stat().st_mtime_ns for path in out.glob("rounds/*/*.json")}
    names = ("random", "uncertainty_alone", "uncertainty_outline", "diversity")
    play(shared_configuration, out, replace(PLAN, rounds=1, strategies=names))
    assert len(rounds_in(out)) == 5 + 3
    assert rounds_in(straight).items() <= rounds_in(out).items()
    assert all(path.stat().st_mtime_ns == when for path, when in kept.items())


def test_report_and_json_hold_all(straight: Path, shared_configuration: Path, tmp_path: Path) -> None:
    """With another painting speed, which needs no round to be played again."""
    out = tmp_path / "out"
    shutil.copytree(straight, out)
    command = ["simulate", "-c", str(shared_configuration), "-o", str(out), *OPTIONS, "--painting-speed", "500"]
    result = CliRunner().invoke(app, command, catch_exceptions=False)
    assert f"report={out / 'report.md'}" in result.stdout
    text = (out / "report.md").read_text()
    assert "500 voxels a minute" in text
    assert "| sdseg_uncertainty" in text
    assert (out / "figures" / "curves.png").read_bytes().startswith(b"\x89PNG")
    values = json.loads((out / "simulation.json").read_text())
    assert len(values["rounds"]) == 5
    assert {table["key"] for table in values["tables"]} == {"dice", "work", "signal"}


def test_killed_and_gone_on_gives_the_same_rounds(straight: Path, shared_configuration: Path, tmp_path: Path) -> None:
    """kill -9 once the first round of a course is kept, then the same again."""
    broken = tmp_path / "broken"
    command = [sys.executable, "-m", "sdseg.cli.main", "simulate", "-c", str(shared_configuration), "-o", str(broken)]
    process = subprocess.Popen([*command, *OPTIONS], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    first = broken / "rounds" / "seed-0" / "random-001.json"
    while not first.exists():
        assert process.poll() is None, "it ended before its first round was kept"
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = first.read_bytes()
    play(shared_configuration, broken)
    assert rounds_in(broken) == rounds_in(straight)
    assert first.read_bytes() == kept


def test_a_trained_model_can_be_begun_with(configuration: Write, tmp_path: Path) -> None:
    weights = save_tiny_weights(tmp_path / "weights")
    plan = replace(PLAN, rounds=1, strategies=("random",))
    simulation = Simulation(load_config(configuration()), plan, tmp_path / "out", Beginning(weights=weights))
    simulation.run()
    write_report(simulation.book, plan)
    assert not (tmp_path / "out" / "autoencoder").exists()
    assert len(list(simulation.book.rounds())) == 2


def test_a_patient_on_both_sides_is_refused(configuration: Write, tmp_path: Path) -> None:
    path = configuration()
    values = yaml.safe_load(path.read_text())
    for part in values["data"].values():
        part[0]["group"] = "anna"
    path.write_text(yaml.safe_dump(values))
    with pytest.raises(InputError, match="1 patients lie in training and in validation"):
        play(path, tmp_path / "out")


def test_what_cannot_be_is_said_before_anything_is_trained(configuration: Write, tmp_path: Path) -> None:
    path = configuration()
    with pytest.raises(InputError, match="20 images would be labelled in the end, but there are 8"):
        play(path, tmp_path / "many", replace(PLAN, ask=9))
    values = yaml.safe_load(path.read_text())
    for changes, message in (
        ({"data": {"train": values["data"]["train"]}}, "no validation images"),
        ({"autoencoder": None}, "There is no autoencoder"),
        ({"model": {"kind": "basic_unet", "image_size": 64}, "segmentation": values["diffusion"]}, "Only sdseg"),
    ):
        path.write_text(yaml.safe_dump(values | changes))
        with pytest.raises(SdsegError, match=message):
            play(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"start": 0}, "start must be more than 0"),
        ({"noises": 1}, "noises must be at least 2"),
        ({"replay_share": 1.0}, "replay_share"),
        ({"candidates": 1}, "Of 1 candidates"),
        ({"seeds": (1, 1)}, "each seed once"),
        ({"painting_speed": float("nan")}, "painting_speed"),
    ],
)
def test_impossible_plans_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        replace(PLAN, **changes)


def test_an_unknown_strategy_lists_those_there_are() -> None:
    with pytest.raises(UnknownNameError, match="no strategy 'luck': choose of random, sdseg_uncertainty"):
        replace(PLAN, strategies=("luck",))
