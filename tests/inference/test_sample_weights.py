"""The shipped weights: what the model card promises."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from sdseg.evaluation.dice import volume_dice
from sdseg.evaluation.score import score_image
from sdseg.inference.segmenter import Segmenter
from sdseg.model.weights import WEIGHT_FILES


@pytest.fixture(scope="module")
def segmenter() -> Segmenter:
    return Segmenter.load(Path(__file__).parents[2] / "sample-data" / "weights" / "brain-small")


def test_held_out_dice(segmenter: Segmenter, sample_data: Path) -> None:
    scores = score_image(segmenter, sample_data / "dicom", sample_data / "reference" / "S1_brain.nii.gz")
    assert scores["brain"] is not None and scores["brain"] >= 0.93


def test_batch_size_changes_no_more_than_rounding(segmenter: Segmenter, sample_data: Path, tmp_path: Path) -> None:
    for path in sorted((sample_data / "dicom").glob("*.dcm"))[20:36]:
        shutil.copy(path, tmp_path)
    results = [segmenter.segment(tmp_path, batch_size=size) for size in (8, 1, 16)]
    for result in results[1:]:
        assert np.abs(result.probability - results[0].probability).max() < 1e-3
        dice = volume_dice(result.labelmap, results[0].labelmap, 1)
        assert dice is not None and dice >= 0.9999


def test_small_and_half_precision(sample_data: Path) -> None:
    folder = sample_data / "weights" / "brain-small"
    assert sum((folder / name).stat().st_size for name in WEIGHT_FILES) < 40e6
    assert (folder / "training" / "diffusion.jsonl").is_file()


def test_the_rival_that_is_served_beside_it(sample_data: Path) -> None:
    """Its card's figure, and that it cost next to nothing to ship."""
    folder = sample_data / "weights" / "brain-unet"
    scores = score_image(Segmenter.load(folder), sample_data / "dicom", sample_data / "reference" / "S1_brain.nii.gz")
    assert scores["brain"] is not None and scores["brain"] >= 0.93
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < 2e6
