"""`sdseg evaluate` on a data set."""

import json
from pathlib import Path

import numpy as np
import pytest
from helpers.models import save_tiny_weights
from PIL import Image
from typer.testing import CliRunner, Result

from sdseg.cli.evaluate import parse_counts, parse_settings
from sdseg.cli.main import app
from sdseg.errors import InputError, LabelError, SdsegError, UnknownNameError
from sdseg.volume.window import Window


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_weights(tmp_path_factory.mktemp("weights") / "tiny", ES=Window("range", 0, 255))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five pictures and masks, four of them for the test."""
    folder = tmp_path_factory.mktemp("pairs")
    generator = np.random.default_rng(0)
    for name in ("images", "masks"):
        (folder / name).mkdir()
    for n in range(5):
        Image.fromarray(generator.integers(0, 255, (40, 50, 3), np.uint8)).save(folder / "images" / f"{n}.png")
        mask = np.zeros((40, 50), np.uint8)
        mask[10:20, 10 : 20 + n] = 255
        Image.fromarray(mask).save(folder / "masks" / f"{n}.png")
    rows = [f"{n},{'test' if n else 'validation'},{n}" for n in range(5)]
    (folder / "split.csv").write_text("\n".join(["name,split,group", *rows]) + "\n")
    return folder


def evaluate(root: Path, weights: Path, *more: str | Path) -> Result:
    arguments = ["evaluate", "--dataset", "pairs", "--root", root, "--weights", weights, *more]
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


SETTINGS = ("--set", "labels={brain: 1}", "--set", "modality=ES")


def test_a_folder_of_pairs(root: Path, weights: Path, tmp_path: Path) -> None:
    done = evaluate(root, weights, *SETTINGS, "--split", "test", "-o", tmp_path / "report", "--name", "mine")
    assert done.exit_code == 0, done.exception
    told = json.loads((tmp_path / "report" / "report.json").read_text())
    assert told["data"]["cases"] == 4
    [row] = told["tables"][0]["rows"]
    assert row[:3] == ["mine", "image", "brain"]
    assert f"{row[3]['mean']:.3f}" in done.stdout
    assert "report.html" in done.stdout
    again = evaluate(root, weights, *SETTINGS, "-o", tmp_path / "report")
    assert isinstance(again.exception, InputError) and "--force" in str(again.exception)


@pytest.mark.parametrize(
    ("more", "kind", "word"),
    [
        ((*SETTINGS, "--split", "train", "-o", "out"), InputError, "no train images"),
        ((*SETTINGS, "--split", "all", "-o", "out"), UnknownNameError, "no split 'all'"),
        ((*SETTINGS, "--tables", "accuracy,speed", "-o", "out"), UnknownNameError, "no table 'speed'"),
        (
            ("--set", "labels={polyp: 1}", "--set", "modality=ES", "-o", "out"),
            LabelError,
            "brain .1., but the data set",
        ),
        ((*SETTINGS,), InputError, "--output"),
        ((*SETTINGS, "--set", "labels", "-o", "out"), InputError, "KEY=VALUE"),
        ((*SETTINGS, "--step-counts", "1,many", "-o", "out"), InputError, "1,many"),
        (("image.png", *SETTINGS, "-o", "out"), InputError, "without --dataset"),
        ((*SETTINGS, "--modality", "ES", "-o", "out"), InputError, "without --dataset"),
    ],
)
def test_what_is_refused(
    more: tuple[str, ...], kind: type[SdsegError], word: str, root: Path, weights: Path, monkeypatch, tmp_path: Path
) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.chdir(tmp_path)
    with pytest.raises(kind, match=word):
        raise evaluate(root, weights, *more).exception or AssertionError("nothing was refused")
    assert list(tmp_path.iterdir()) == []


def test_neither_image_nor_data_set() -> None:
    with pytest.raises(InputError, match="--dataset"):
        raise CliRunner().invoke(app, ["evaluate"]).exception or AssertionError
    with pytest.raises(InputError, match="one weights folder"):
        arguments = ["evaluate", "a", "b", "--weights", "c", "--weights", "d"]
        raise CliRunner().invoke(app, arguments).exception or AssertionError


def test_options() -> None:
    assert parse_counts("1,2, 50") == (1, 2, 50)
    assert parse_settings(["labels={liver: 1, spleen: 2}", "seed=3", "modality=CT", "pattern=a=b"]) == {
        "labels": {"liver": 1, "spleen": 2},
        "seed": 3,
        "modality": "CT",
        "pattern": "a=b",
    }
    with pytest.raises(InputError, match="YAML"):
        parse_settings(["labels={liver"])
