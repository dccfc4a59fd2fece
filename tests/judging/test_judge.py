"""Two real models on labelled volumes: what is compared, what is left out, and what is told."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from helpers.models import save_tiny_weights, tiny_card, tiny_pipeline

from sdseg.errors import InputError
from sdseg.inference.segmenter import Segmenter
from sdseg.judging.judge import judge
from sdseg.judging.report import write_report
from sdseg.model.weights import save_weights, weights_sha256
from sdseg.volume.example import Example

AFFINE = np.diag([-2.0, 2.0, 3.0, 1.0])
SLICES = 3


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two images; beside each the mask of either model, as if that were the truth."""
    home = tmp_path_factory.mktemp("judging")
    models = {name: save_tiny_weights(home / name, seed) for seed, name in enumerate(("old", "new"))}
    segmenters = {name: Segmenter.load(folder) for name, folder in models.items()}
    for number in range(2):
        data = np.random.default_rng(number).integers(0, 500, (40, 36, SLICES)).astype(np.int16)
        nib.save(nib.Nifti1Image(data, AFFINE), home / f"{number}.nii.gz")
        for name, segmenter in segmenters.items():
            mask = segmenter.segment(home / f"{number}.nii.gz", modality="MR").labelmap
            nib.save(nib.Nifti1Image(mask, AFFINE), home / f"{number}-{name}.nii.gz")
    return home


def examples(home: Path, truth: str, patients: int = 2) -> list[Example]:
    return [
        Example(f"{number}", home / f"{number}.nii.gz", home / f"{number}-{truth}.nii.gz", "MR", group=f"p{number}")
        for number in range(patients)
    ]


def test_the_better_one_is_accepted_and_the_worse_one_is_not(home: Path, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    good = judge(home / "old", home / "new", examples(home, "new"), watch=lambda *now: told.append(now))
    assert good.accepted and (good.images, good.patients, good.unreadable) == (2, 2, 0)
    (brain,) = good.classes
    assert brain.challenger == 1.0 and brain.champion < 0.99 and brain.low > 0
    assert [pair[1] for pair in brain.scores] == [1.0, 1.0]
    assert good.champion_sha256 == weights_sha256(home / "old")
    assert told[-1] == ("judge", 4, 4) and [done for _, done, _ in told] == sorted(done for _, done, _ in told)
    bad = judge(home / "old", home / "new", examples(home, "old"))
    assert not bad.accepted and bad.classes[0].worse and "is worse" in bad.reason
    report = write_report(bad, tmp_path)
    assert bad.reason in report.read_text()
    assert "p0" not in report.read_text() + (tmp_path / "judgement.json").read_text(), "no patient is named"
    assert json.loads((tmp_path / "judgement.json").read_text())["accepted"] is False


def test_slices_that_nobody_labelled_are_left_out(home: Path, tmp_path: Path) -> None:
    """The truth is the new model's in one slice, and unknown in the others, where it would say something else."""
    (example,) = examples(home, "new", patients=1)
    image = nib.load(example.label)
    mask = np.asarray(image.dataobj).astype(np.uint8)
    mask[..., 1:] = 255
    nib.save(nib.Nifti1Image(mask, AFFINE), tmp_path / "part.nii.gz")
    found = judge(home / "old", home / "new", [replace(example, label=tmp_path / "part.nii.gz", ignored=255)])
    assert found.accepted and found.classes[0].challenger == 1.0
    mask[..., 1:] = 0
    nib.save(nib.Nifti1Image(mask, AFFINE), tmp_path / "none.nii.gz")
    assert judge(home / "old", home / "new", [replace(example, label=tmp_path / "none.nii.gz")]).classes[
        0
    ].challenger != pytest.approx(1.0)


def test_labels_of_several_annotators_are_one_image(home: Path) -> None:
    (mine,), (yours,) = (examples(home, truth, patients=1) for truth in ("old", "new"))
    found = judge(home / "old", home / "new", [replace(mine, weight=0.5), replace(yours, weight=0.5)])
    assert found.images == found.classes[0].images == 1
    assert found.classes[0].difference == pytest.approx(0, abs=1e-6)
    (pair,) = found.classes[0].scores
    assert 0.5 <= pair[0] < 1


def test_scores_are_kept_by_content(home: Path, tmp_path: Path) -> None:
    runs: list[list[int]] = []

    def run(truth: str) -> float | None:
        calls: list[int] = []
        found = judge(
            home / "old", home / "new", examples(home, truth), cache=tmp_path, watch=lambda *n: calls.append(1)
        )
        runs.append(calls)
        return found.classes[0].difference

    first = run("new")
    assert run("new") == first and run("old") != first
    assert len(runs[1]) < len(runs[0]) == len(runs[2]), "the second time nothing is segmented"


def test_what_cannot_be_read_is_left_out_and_counted(home: Path, tmp_path: Path) -> None:
    gone = Example("gone", tmp_path / "gone.nii.gz", home / "0-new.nii.gz", "MR")
    odd = replace(examples(home, "new")[1], label=tmp_path / "odd.nii.gz")
    nib.save(nib.Nifti1Image(np.full((40, 36, SLICES), 7, np.uint8), AFFINE), odd.label)
    found = judge(home / "old", home / "new", [*examples(home, "new", 1), gone, odd], cache=tmp_path / "kept")
    assert found.accepted and found.unreadable == 2 and "2 validation images could not be read" in found.reason
    nothing = judge(home / "old", home / "new", [gone])
    assert not nothing.accepted and "nothing can be told" in nothing.reason


def test_without_anything_to_compare(home: Path, tmp_path: Path) -> None:
    nobody = judge(home / "old", home / "new", [])
    assert not nobody.accepted and "label a second patient" in nobody.reason and "validation_data" in nobody.reason
    same = judge(home / "old", Path(shutil.copytree(home / "old", tmp_path / "same")), examples(home, "old"))
    assert not same.accepted and "the very weights" in same.reason
    save_weights(tiny_pipeline(), tiny_card(("liver",)), tmp_path / "liver", torch.float32)
    other = judge(home / "old", tmp_path / "liver", examples(home, "old"))
    assert not other.accepted and "liver (1)" in other.reason and "brain (1)" in other.reason
    with pytest.raises(InputError, match="margin"):
        judge(home / "old", home / "new", [], margin=float("nan"))


def test_it_stops_when_the_watch_raises(home: Path) -> None:
    def stop(stage: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        judge(home / "old", home / "new", examples(home, "new"), watch=stop)
