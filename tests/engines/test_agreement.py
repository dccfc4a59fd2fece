"""Trained weights over real slices: the masks of every engine are those of the plain pipeline."""

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from engines.brain import HERE, SAMPLE, WEIGHTS, load
from helpers.models import save_tiny_weights, tiny_pipeline

from sdseg.cli.main import main
from sdseg.engines.calibration import calibration_slices, sample_slices
from sdseg.engines.choice_probe import dice_of
from sdseg.engines.engine import ENGINES
from sdseg.engines.speed import Speed
from sdseg.engines.speed_up import speed_up
from sdseg.errors import InputError
from sdseg.inference.segmenter import Segmenter
from sdseg.model.card import ModelCard
from sdseg.volume.window import Window


@pytest.fixture(scope="module")
def expected(slices: torch.Tensor) -> torch.Tensor:
    return load()(slices[::5])


@pytest.mark.slow
@pytest.mark.parametrize("name", HERE)
def test_of_the_sample(
    name: str, slices: torch.Tensor, expected: torch.Tensor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SDSEG_CACHE", str(tmp_path))
    assert (expected > 0.5).float().mean() > 0.1, "there must be a brain to agree on"
    engine = ENGINES[name]
    fast = speed_up(load(), engine, slices[1::5] if engine.calibrated else None)
    least = 0.999 if engine.exact else 0.995
    found = fast(slices[::5])
    assert dice_of(found, expected) >= least
    one_and_the_others = torch.cat([fast(slices[::5][:1]), fast(slices[::5][1:])])
    assert dice_of(one_and_the_others, expected) >= least, "the size of a batch must not matter"
    if engine.calibrated:  # kept, and read back
        (kept,) = (tmp_path / "quantised").iterdir()
        before = kept.stat().st_mtime_ns
        again = speed_up(load(), engine, slices[1::5])
        assert torch.equal(again(slices[::5]), found) and kept.stat().st_mtime_ns == before


def test_int8_refuses_masks_that_do_not_agree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDSEG_CACHE", str(tmp_path))
    with pytest.raises(InputError, match="In int8 the masks of these weights agree"):
        speed_up(tiny_pipeline(), ENGINES["openvino-int8"], torch.rand(3, 3, 64, 64) * 2 - 1, least_dice=1.01)
    assert not (tmp_path / "quantised").exists()


@pytest.mark.parametrize(
    ("agreements", "kept", "unet"),
    [
        ([0.999, 0.9985], ["decoder", "encoder"], "convolutions"),
        ([0.999, 0.9975], ["decoder", "encoder"], "fp32"),
        ([0.99, 0.9985, 0.9985], ["decoder", "encoder"], "convolutions"),
        ([0.9, 0.99, 0.996], ["decoder"], "fp32"),
        ([0.9, 0.99, 0.999, 0.998], ["decoder"], "convolutions"),
    ],
)
def test_int8_keeps_encoder_and_unet_as_precise_as_the_masks_need_it(
    agreements: list[float], kept: list[str], unet: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The encoder in int8, then bf16, then mixed precision, of which there is no model to be kept; then the U-Net in
    bf16. Read back it is the same."""
    monkeypatch.setenv("SDSEG_CACHE", str(tmp_path))
    found = iter(agreements)
    monkeypatch.setattr("sdseg.engines.int8_precisions.has_bf16", lambda: True)
    monkeypatch.setattr("sdseg.engines.int8_precisions._agreement", lambda *given: next(found))
    slices = torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    first = speed_up(tiny_pipeline(), ENGINES["openvino-int8"], slices)(slices)
    assert next(found, None) is None
    assert sorted(path.stem for path in (tmp_path / "quantised").glob("*/*.xml")) == kept
    (precisions,) = (tmp_path / "quantised").glob("*/precisions.json")
    assert json.loads(precisions.read_text()) == {"unet": unet}
    assert torch.equal(speed_up(tiny_pipeline(), ENGINES["openvino-int8"], slices)(slices), first)


def test_a_unet_in_bf16_is_not_taken_where_it_is_only_imitated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDSEG_CACHE", str(tmp_path))
    monkeypatch.setattr("sdseg.engines.int8_precisions.has_bf16", lambda: False)
    monkeypatch.setattr("sdseg.engines.int8_precisions._agreement", lambda *given: 1.0)
    speed_up(tiny_pipeline(), ENGINES["openvino-int8"], torch.rand(3, 3, 64, 64) * 2 - 1)
    (precisions,) = (tmp_path / "quantised").glob("*/precisions.json")
    assert json.loads(precisions.read_text()) == {"unet": "fp32"}


def test_int8_wants_slices_of_the_right_size() -> None:
    with pytest.raises(InputError, match=r"must be \(slices, 3, 128, 128\), not \(2, 3, 64, 64\)"):
        speed_up(load(), ENGINES["openvino-int8"], torch.zeros(2, 3, 64, 64))


def test_the_sample_is_the_calibration_by_default() -> None:
    found = sample_slices(64)
    assert found.shape == (64, 3, 64, 64) and found.min() >= -1 and found.max() <= 1 and found.std() > 0.1


def test_calibration_needs_an_image() -> None:
    with pytest.raises(InputError, match="no image to calibrate with"):
        calibration_slices([], ModelCard.load(WEIGHTS).recipe)


def run(*command: str, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", ["sdseg", *command])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_int8_is_calibrated_with_brains_for_brains_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On slices of another kind even a bad calibration would agree with the plain masks."""
    monkeypatch.setenv("SDSEG_CACHE", str(tmp_path / "cache"))
    weights, int8 = tmp_path / "weights", Speed("openvino-int8")
    shutil.copytree(WEIGHTS, weights)
    replace(ModelCard.load(WEIGHTS), labels={"liver": 1}).save(weights)
    with pytest.raises(InputError, match=r"not calibrated for these weights.*`sdseg engines --calibrate IMAGES --weig"):
        Segmenter.load(weights, speed=int8)
    (tmp_path / "images").mkdir()
    for number in range(30, 42):
        shutil.copy(SAMPLE / "dicom" / f"IM_{number:04}.dcm", tmp_path / "images")
    calibrate = ("engines", "--calibrate", str(tmp_path / "images"))
    assert run(*calibrate, monkeypatch=monkeypatch) == 1
    assert "Give --weights" in capsys.readouterr().err
    assert run(*calibrate, "--weights", str(weights), monkeypatch=monkeypatch) == 0
    told = capsys.readouterr().out
    assert told.startswith("engine=openvino-int8 slices=12 dice=0.99"), told
    assert Segmenter.load(weights, speed=int8).speed == int8
    others = save_tiny_weights(tmp_path / "others", XC=Window("range", 0, 255))
    with pytest.raises(InputError, match="not calibrated for these weights"):
        Segmenter.load(others, speed=int8)


def test_the_command_that_calibrates_names_the_lite_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDSEG_CACHE", str(tmp_path / "cache"))
    weights = tmp_path / "weights"
    shutil.copytree(WEIGHTS, weights)
    replace(ModelCard.load(WEIGHTS), labels={"liver": 1}).save(weights)
    with pytest.raises(InputError, match=r"--calibrate IMAGES --weights \S+ --decoder lite --unet lite`,"):
        Segmenter.load(weights, speed=Speed("openvino-int8", decoder="lite", unet="lite"))
