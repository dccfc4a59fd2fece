"""A training on that was interrupted goes on as if it had not been; of other weights or labels it begins anew."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from helpers.models import save_tiny_weights

from sdseg.errors import InputError, SdsegError
from sdseg.training.material import Material
from sdseg.training.retrain import RetrainConfig, RetrainResult, retrain
from sdseg.training.retrain_config import RetrainStage, Watch
from sdseg.volume.example import Example

CONFIG = RetrainConfig(
    max_steps=12, max_epochs=100, learning_rate=1e-3, batch_size=2, val_split=0.5, validate_every=3, checkpoint_every=2,
    resume=True,
)  # fmt: skip


class Stop(Exception):
    """As a watcher ends a training."""


@pytest.fixture
def champion(tmp_path: Path) -> Path:
    return save_tiny_weights(tmp_path / "champion")


@pytest.fixture
def material(tmp_path: Path) -> Material:
    """Two patients; one slice of each was changed."""
    examples = []
    for number in (0, 1):
        i, j = np.mgrid[:64, :64]
        disc = np.repeat(((i - 30) ** 2 + (j - 30 - number) ** 2 < 200)[..., None], 3, axis=2)
        image = disc * 100 + np.random.default_rng(number).normal(40, 8, disc.shape)
        changed = np.zeros_like(disc)
        changed[..., 1] = disc[..., 1]
        arrays = {"image": image.astype("f4"), "label": disc.astype("u1"), "changed": changed.astype("u1")}
        paths = {name: tmp_path / f"{number}-{name}.nii.gz" for name in arrays}
        for name, values in arrays.items():
            nib.save(nib.Nifti1Image(values, np.eye(4)), paths[name])
        examples.append(Example(str(number), paths["image"], paths["label"], "MR", changed=paths["changed"]))
    return Material(tuple(examples))


def stopping(stage: RetrainStage, at: int) -> Watch:
    def watch(now: RetrainStage, done: int, total: int) -> None:
        if (now, done) == (stage, at):
            raise Stop

    return watch


def counting(steps: list[int]) -> Watch:
    def watch(stage: RetrainStage, done: int, total: int) -> None:
        if stage == "train":
            steps.append(done)

    return watch


def losses(output: Path) -> list[dict[str, object]]:
    return [{**json.loads(line), "seconds": 0} for line in (output / "log.jsonl").read_text().splitlines()]


@pytest.fixture
def straight(champion: Path, material: Material, tmp_path: Path) -> RetrainResult:
    return retrain(champion, material, tmp_path / "straight", CONFIG)


@pytest.mark.parametrize("adapters", ["none", "lora"])
def test_interrupted_anywhere_it_ends_in_the_same_weights(
    adapters: str, champion: Path, material: Material, tmp_path: Path
) -> None:
    """Between two steps, in the middle of a validation, and before the weights are saved: the same SHA-256."""
    config = replace(CONFIG, adapters=adapters)  # type: ignore[arg-type]
    straight = retrain(champion, material, tmp_path / "straight", config)
    for at in (("train", 5), ("publish", 0)):
        with pytest.raises(Stop):
            retrain(champion, material, tmp_path / "broken", config, watch=stopping(*at))  # type: ignore[arg-type]
    asked: list[int] = []

    def in_a_validation(stage: RetrainStage, done: int, total: int) -> None:
        asked.append(stage == "validate" and done == total)
        if sum(asked) == 3:
            raise Stop

    with pytest.raises(Stop):
        retrain(champion, material, tmp_path / "looking", config, watch=in_a_validation)
    for output in (tmp_path / "broken", tmp_path / "looking"):
        steps: list[int] = []
        result = retrain(champion, material, output, config, watch=counting(steps))
        assert steps[0] >= 5, "it goes on"
        assert (result.sha256, result.val_dice) == (straight.sha256, straight.val_dice)
        assert losses(output) == losses(tmp_path / "straight")
        assert not (output / "checkpoints").exists()


def test_of_other_labels_it_begins_anew(champion: Path, material: Material, tmp_path: Path) -> None:
    output = tmp_path / "out"
    with pytest.raises(Stop):
        retrain(champion, material, output, CONFIG, watch=stopping("train", 5))
    (half := output / "checkpoints" / ".retrain-000000006.0123.part").mkdir()
    first = material.train[0]
    redrawn = np.zeros((64, 64, 3), np.uint8)
    redrawn[10:40, 10:40] = 1
    nib.save(nib.Nifti1Image(redrawn, np.eye(4)), first.label)
    steps: list[int] = []
    retrain(champion, material, output, CONFIG, watch=counting(steps))
    assert steps == list(range(12))
    assert [line["step"] for line in losses(output) if "loss" in line] == list(range(1, 13))
    assert not half.exists()


def test_the_same_files_elsewhere_are_the_same(champion: Path, material: Material, tmp_path: Path) -> None:
    with pytest.raises(Stop):
        retrain(champion, material, tmp_path / "out", CONFIG, watch=stopping("train", 5))
    moved = []
    for example in reversed(material.train):
        image = example.image.rename(example.image.with_name(f"moved-{example.image.name}"))
        moved.append(replace(example, image=image))
    steps: list[int] = []
    retrain(champion, Material(tuple(moved)), tmp_path / "out", CONFIG, watch=counting(steps))
    assert steps[0] == 5


def test_a_damaged_state_is_begun_anew(champion: Path, material: Material, tmp_path: Path) -> None:
    with pytest.raises(Stop):
        retrain(champion, material, tmp_path / "out", CONFIG, watch=stopping("train", 5))
    (state,) = (tmp_path / "out" / "checkpoints").iterdir()
    os.truncate(state / "state.safetensors", 100)
    steps: list[int] = []
    retrain(champion, material, tmp_path / "out", CONFIG, watch=counting(steps))
    assert steps == list(range(12))


def test_a_finished_one_is_given_again_and_never_overwritten(
    straight: RetrainResult, champion: Path, material: Material, tmp_path: Path
) -> None:
    steps: list[int] = []
    assert retrain(champion, material, tmp_path / "straight", CONFIG, watch=counting(steps)) == straight
    assert not steps
    for other in (replace(CONFIG, seed=1), replace(CONFIG, resume=False)):
        with pytest.raises(InputError, match="choose another output folder"):
            retrain(champion, material, tmp_path / "straight", other)
    assert straight.weights.is_dir()


def test_two_at_once_in_one_folder_are_refused(champion: Path, material: Material, tmp_path: Path) -> None:
    def watch(stage: RetrainStage, done: int, total: int) -> None:
        retrain(champion, material, tmp_path / "out", CONFIG)

    with pytest.raises(SdsegError, match="Another training works in"):
        retrain(champion, material, tmp_path / "out", CONFIG, watch=watch)


KILLED = """
import json, sys
from pathlib import Path
from sdseg.training.material import Material
from sdseg.training.retrain import RetrainConfig, retrain
from sdseg.volume.example import Example
champion, output, examples, config = sys.argv[1], sys.argv[2], json.loads(sys.argv[3]), json.loads(sys.argv[4])
train = tuple(Example(e["id"], Path(e["image"]), Path(e["label"]), "MR", changed=Path(e["changed"])) for e in examples)
print(retrain(Path(champion), Material(train), Path(output), RetrainConfig(**config)).sha256)
"""


def test_killed_and_begun_again(straight: RetrainResult, champion: Path, material: Material, tmp_path: Path) -> None:
    """kill -9 of the real process in the middle: the weights are those of the one that was left alone."""
    output = tmp_path / "killed"
    examples = json.dumps([asdict(example) for example in material.train], default=str)
    command = [sys.executable, "-c", KILLED, str(champion), str(output), examples, json.dumps(asdict(CONFIG))]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    while process.poll() is None and not list(output.glob("checkpoints/retrain-*")):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    steps: list[int] = []
    result = retrain(champion, material, output, CONFIG, watch=counting(steps))
    assert steps[0] >= 2
    assert result.sha256 == straight.sha256
