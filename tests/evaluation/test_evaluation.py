"""Scores and pictures."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from helpers.dicom_series import SeriesMaker
from helpers.models import tiny_card, tiny_pipeline
from PIL import Image

from sdseg.errors import LabelError
from sdseg.evaluation.dice import volume_dice
from sdseg.evaluation.montage import save_montage
from sdseg.evaluation.score import score_image
from sdseg.inference.segmenter import Segmenter


@pytest.mark.parametrize(
    ("prediction", "reference", "dice"),
    [([1, 1, 0, 0], [1, 0, 0, 0], 2 / 3), ([1, 2], [1, 2], 1.0), ([0, 1], [1, 0], 0.0), ([0, 2], [2, 0], None)],
)
def test_dice(prediction: list[int], reference: list[int], dice: float | None) -> None:
    assert volume_dice(np.array(prediction), np.array(reference), 1) == dice


def test_dice_of_different_grids_is_refused() -> None:
    with pytest.raises(LabelError, match="not on the same grid"):
        volume_dice(np.zeros((2, 3)), np.zeros((3, 2)), 1)


def test_score_of_the_models_own_mask_is_one(tmp_path: Path) -> None:
    segmenter = Segmenter(tiny_pipeline(), tiny_card(), "0" * 64)
    folder = SeriesMaker(modality="MR", rows=32, columns=32).save(tmp_path / "mr")
    result = segmenter.segment(folder)
    assert 0 < result.labelmap.mean() < 1
    nib.save(nib.Nifti1Image(result.labelmap, result.affine), tmp_path / "mask.nii.gz")
    assert score_image(segmenter, folder, tmp_path / "mask.nii.gz") == {"brain": 1.0}
    nib.save(nib.Nifti1Image(1 - result.labelmap, result.affine), tmp_path / "mask.nii.gz")
    assert score_image(segmenter, folder, tmp_path / "mask.nii.gz") == {"brain": 0.0}


def test_montage_is_a_picture_with_the_mask_in_it(tmp_path: Path) -> None:
    image = np.random.default_rng(0).random((9, 20, 24))
    mask = np.zeros(image.shape, np.uint8)
    mask[:, 5:15, 5:15] = 1
    for name, masks in (("with", {"segmentation": mask}), ("without", {"segmentation": mask * 0})):
        save_montage(image, masks, tmp_path / f"{name}.png")
    pictures = [np.asarray(Image.open(tmp_path / f"{name}.png")).astype(int) for name in ("with", "without")]
    assert pictures[0].shape == pictures[1].shape
    assert np.abs(pictures[0] - pictures[1]).max() > 50
