"""The lite parts that come with brain-small, on the sample, which they did not learn from."""

from pathlib import Path

import pytest

from sdseg.engines.speed import PARTS, PLAIN_SPEED, Speed
from sdseg.evaluation.score import score_image
from sdseg.inference.segmenter import Segmenter
from sdseg.model.card import ModelCard
from sdseg.model.kinds import NETWORK_FILE

MOST_LOST = 0.005  # of the Dice against the reference


def dice(sample_data: Path, speed: Speed) -> float:
    segmenter = Segmenter.load(sample_data / "weights" / "brain-small", speed=speed)
    scores = score_image(segmenter, sample_data / "dicom", sample_data / "reference" / "S1_brain.nii.gz")
    assert scores["brain"] is not None
    return scores["brain"]


@pytest.mark.slow
def test_half_a_point_is_lost_at_most(sample_data: Path) -> None:
    full = dice(sample_data, PLAIN_SPEED)
    assert full > 0.94
    for parts in (("decoder",), ("encoder",), ("unet",), PARTS):
        found = dice(sample_data, Speed("plain", **dict.fromkeys(parts, "lite")))
        assert found >= full - MOST_LOST, parts


def test_it_is_small_and_tells_its_teacher(sample_data: Path) -> None:
    folder = sample_data / "weights" / "brain-small"
    sizes = {part: (folder / f"lite_{part}" / NETWORK_FILE).stat().st_size for part in PARTS}
    assert sizes["decoder"] < 1e6 and sizes["encoder"] < 1e6 and sizes["unet"] < 5e6
    told = ModelCard.load(folder).training["distilled"]
    assert told["teacher_sha256"] == "a327e9f3a44157c9148de731043b2af8ad6af40730d7ed5e5d2dba9c460c6dc1"
    assert told["data"] == {"images": 1, "slices": 86, "labelled": True}, "Colin27 alone"
