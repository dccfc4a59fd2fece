"""A distillation learns, goes on where it stopped, and gives the weights that it was given with the parts beside."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.models import save_tiny_weights, tiny_card, tiny_pipeline
from PIL import Image

from sdseg.cli.main import main
from sdseg.distill.config import DistillConfig, unchanged
from sdseg.distill.run import DistillOptions, distill
from sdseg.engines.speed import Speed
from sdseg.errors import InputError
from sdseg.inference.segmenter import Segmenter
from sdseg.model.card import ModelCard
from sdseg.model.kinds import LITE_DECODER, LITE_ENCODER, LITE_PARTS, LITE_UNET
from sdseg.model.weights import save_weights, weights_sha256
from sdseg.training.loop import TrainingStopped
from sdseg.volume.window import Window

PHOTOGRAPHS = {"XC": Window("range", 0, 255)}
SHORT = DistillConfig(effort=0.002, slices=8, augmentation=unchanged())


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return save_tiny_weights(tmp_path / "teacher", **PHOTOGRAPHS)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder of twelve pictures, each with a bright disc, beside a folder with other things."""
    folder = tmp_path / "data" / "images"
    folder.mkdir(parents=True)
    rows, columns = np.mgrid[:48, :64]
    for number in range(12):
        disc = (rows - 12 - 2 * number) ** 2 + (columns - 30) ** 2 < (6 + number) ** 2
        Image.fromarray((40 + 180 * disc).astype(np.uint8)).save(folder / f"{number:02}.png")
    (tmp_path / "data" / "masks").mkdir()
    (tmp_path / "data" / "masks" / "00.png").write_bytes(b"no picture")
    return folder.parent


def losses(run: Path, stage: str, term: str) -> list[float]:
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return [line[term] for line in lines if line["stage"] == stage]


def test_each_stage_lowers_its_losses(weights: Path, pictures: Path, tmp_path: Path) -> None:
    config = DistillConfig(effort=0.03, slices=16, augmentation=unchanged())
    result = distill(weights, tmp_path / "run", str(pictures), None, config)
    for stage, term, most in (
        ("decoder", "value", 0.5),
        ("imitation", "image_latent", 0.8),
        ("encoder", "mask_latent", 1),
        ("unet", "mask_latent", 0.8),
    ):
        course = losses(tmp_path / "run", stage, term)
        assert len(course) >= 2 and course[-1] < most * course[0], (stage, course)
    told = ModelCard.load(result).training["distilled"]
    assert told["teacher_sha256"] == weights_sha256(weights) != weights_sha256(result)
    assert told["data"] == {"images": 12, "slices": 12, "labelled": False}
    assert told["steps"] == {"decoder": 90, "imitation": 180, "encoder": 60, "unet": 120}
    assert set(told["seen"]["agreement"]) == {"decoder", "encoder", "unet", "all"}
    assert str(tmp_path) not in json.dumps(told), "paths of images may hold names of patients"
    assert not (tmp_path / "run" / "bank.safetensors").exists() and not (tmp_path / "run" / "stages").exists()
    for part in LITE_PARTS:
        assert "_name_or_path" not in json.loads((result / part / "config.json").read_text())


def test_the_given_networks_are_kept_and_only_the_wanted_part_is_added(
    weights: Path, pictures: Path, tmp_path: Path
) -> None:
    config = SHORT.model_copy(update={"parts": ("decoder",)})
    result = distill(weights, tmp_path / "run", str(pictures), None, config)
    for name in ("unet", "vae", "vision_encoder"):
        file = f"{name}/diffusion_pytorch_model.safetensors"
        assert (result / file).read_bytes() == (weights / file).read_bytes()
    assert (
        (result / LITE_DECODER).is_dir() and not (result / LITE_ENCODER).exists() and not (result / LITE_UNET).exists()
    )
    segmenter = Segmenter.load(result, speed=Speed("plain", decoder="lite"))
    assert segmenter.segment(pictures / "images" / "03.png").labelmap.shape == (64, 48, 1)


def test_it_goes_on_where_it_was_stopped_with_the_same_result(weights: Path, pictures: Path, tmp_path: Path) -> None:
    whole = distill(weights, tmp_path / "whole", str(pictures), None, SHORT)
    more, always = SHORT.model_copy(update={"slices": 16}), DistillOptions(should_stop=lambda: True)
    with pytest.raises(TrainingStopped, match="while the teacher was asked"):
        distill(weights, tmp_path / "early", str(pictures), None, more, always)
    asked = iter_true_after(12)  # within the second stage
    with pytest.raises(TrainingStopped, match="of 'imitation'"):
        distill(weights, tmp_path / "run", str(pictures), None, SHORT, DistillOptions(should_stop=lambda: next(asked)))
    assert not (tmp_path / "run" / "weights").exists()
    result = distill(weights, tmp_path / "run", str(pictures), None, SHORT, DistillOptions(resume=True))
    assert weights_sha256(result) == weights_sha256(whole)
    assert distill(weights, tmp_path / "run", str(pictures), None, SHORT, DistillOptions(resume=True)) == result
    picture = pictures / "images" / "00.png"
    picture.write_bytes((pictures / "images" / "01.png").read_bytes())
    with pytest.raises(InputError, match="the result of another training"):
        distill(weights, tmp_path / "run", str(pictures), None, SHORT, DistillOptions(resume=True))


def test_a_finished_run_is_not_overwritten(weights: Path, pictures: Path, tmp_path: Path) -> None:
    distill(weights, tmp_path / "run", str(pictures), None, SHORT)
    with pytest.raises(InputError, match="exists already; choose another output folder"):
        distill(weights, tmp_path / "run", str(pictures), None, SHORT)
    other = SHORT.model_copy(update={"seed": 1})
    with pytest.raises(InputError, match="the result of another training: choose another output folder"):
        distill(weights, tmp_path / "run", str(pictures), None, other, DistillOptions(resume=True))


def test_several_classes(pictures: Path, tmp_path: Path) -> None:
    teacher = tmp_path / "three"
    save_weights(tiny_pipeline(classes=3), tiny_card(("liver", "spleen"), **PHOTOGRAPHS), teacher, torch.float32)
    result = distill(teacher, tmp_path / "run", str(pictures), None, SHORT)
    assert Segmenter.load(result, speed=Speed("plain", "lite", "lite", "lite")).pipeline.classes == 3


def test_labelled_images_of_a_configuration(weights: Path, pictures: Path, tmp_path: Path) -> None:
    for number in range(12):
        image = np.asarray(Image.open(pictures / "images" / f"{number:02}.png"))
        Image.fromarray(((image > 100) * 255).astype(np.uint8)).save(pictures / "masks" / f"{number:02}.png")
    config = tmp_path / "pairs.yaml"
    data = {"dataset": "pairs", "labels": {"brain": 1}, "modality": "XC", "fractions": [0.75, 0.25, 0.0]}
    config.write_text(json.dumps({"name": "mine", "data": data}))
    result = distill(weights, tmp_path / "run", str(config), pictures, SHORT)
    told = ModelCard.load(result).training["distilled"]
    assert told["data"] == {"images": 9, "slices": 9, "labelled": True}
    assert (
        set(told["held_out"]["dice"]) == {"full", "decoder", "encoder", "unet", "all"}
        and told["held_out"]["slices"] == 3
    )


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--parts", "head"], "--parts: Input should be 'decoder', 'encoder' or 'unet'."),
        (["--minutes", "0"], "--minutes: Input should be greater than 0."),
        (["--slices", "4"], "a batch of 8 needs at least as many slices, not 4."),
        (["--data", "nowhere"], "There is no folder and no configuration 'nowhere'; give a folder of images, a YAML"),
        (["--root", "elsewhere"], "--root is the folder of a configuration's data set"),
    ],
)
def test_wrong_wishes_are_one_sentence(
    weights: Path,
    pictures: Path,
    tmp_path: Path,
    options: list[str],
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = ["sdseg", "distill", str(weights), "-o", str(tmp_path / "run"), "--data", str(pictures), *options]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit) as ended:
        main()
    told = " ".join(capsys.readouterr().err.split())
    assert ended.value.code == 1 and f"sdseg: {sentence}" in told, told


def test_unsuitable_folders_are_one_sentence(weights: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty holds no images; give a folder of DICOM series"):
        distill(weights, tmp_path / "run", str(tmp_path / "empty"), None, SHORT)


def iter_true_after(count: int) -> Iterator[bool]:
    """False so many times, then True."""
    yield from (False for _ in range(count))
    while True:
        yield True
