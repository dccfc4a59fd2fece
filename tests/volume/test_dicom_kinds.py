"""Pictures and multi-frame volumes in DICOM reach the model as their PNG and single-frame twins do."""

from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.dicom_enhanced import EnhancedMaker
from helpers.dicom_pictures import PictureMaker
from helpers.dicom_series import SeriesMaker, orientations
from monai.data import MetaTensor
from monai.transforms import Compose, Transform
from PIL import Image
from pydicom.dataset import FileDataset

from sdseg.errors import InputError
from sdseg.volume.example import Example
from sdseg.volume.labelmap import load_labelmap_like
from sdseg.volume.load import load_failures
from sdseg.volume.recipe import Recipe, invert
from sdseg.volume.window import Window

RANGE, PERCENTILE = Window("range", 0, 255), Window("percentile", 1, 99)


def prepare(source: Path, recipe: Recipe, modality: str | None = None) -> tuple[list[Transform], MetaTensor]:
    steps = recipe.transforms(source, modality)
    with load_failures(source):
        return steps, Compose(steps)({"image": source})["image"]


def save_pngs(maker: PictureMaker, folder: Path) -> list[Path]:
    folder.mkdir()
    paths = [folder / f"{index}.png" for index in range(maker.slices)]
    for path, pixels in zip(paths, maker.pictures(), strict=True):
        Image.fromarray(pixels).save(path)
    return paths


@pytest.mark.parametrize("window", [RANGE, PERCENTILE], ids=["range", "percentile"])
@pytest.mark.parametrize("orientation", ["LPS", "RAS", "PIR"])
@pytest.mark.parametrize("keep_proportions", [True, False])
def test_a_png_and_its_dicom_twin_give_the_model_the_same(
    window: Window, orientation: str, keep_proportions: bool, tmp_path: Path
) -> None:
    """Also several in one series: each stands alone, and none is turned, whatever the recipe says of volumes."""
    maker = PictureMaker(slices=3)
    recipe = Recipe(64, {"ES": window}, orientation, keep_proportions)
    steps, series = prepare(maker.save(tmp_path / "dicom"), recipe)
    assert series.shape == (3, 64, 64, 3)
    for index, png in enumerate(save_pngs(maker, tmp_path / "png")):
        picture = prepare(png, recipe)[1]
        torch.testing.assert_close(series.as_tensor()[..., index], picture.as_tensor()[..., 0], rtol=0, atol=0)
    back = invert(steps, series, torch.zeros(1, 64, 64, 3))
    assert back.shape == (1, 24, 20, 3)
    torch.testing.assert_close(back.affine, torch.eye(4, dtype=back.affine.dtype))


def test_grey_pictures_have_one_channel(tmp_path: Path) -> None:
    maker = PictureMaker()
    (dataset,) = maker.datasets()
    grey = maker.pictures()[0, ..., 1]
    dataset.PhotometricInterpretation, dataset.SamplesPerPixel, dataset.PixelData = "MONOCHROME2", 1, grey.tobytes()
    dataset.save_as(tmp_path / "grey.dcm", enforce_file_format=True)
    Image.fromarray(grey).save(tmp_path / "grey.png")
    recipe = Recipe(64, {"ES": RANGE})
    twins = [prepare(tmp_path / name, recipe)[1] for name in ("grey.dcm", "grey.png")]
    assert twins[0].shape == (1, 64, 64, 1)
    torch.testing.assert_close(*(twin.as_tensor() for twin in twins), rtol=0, atol=0)


def test_a_map_comes_back_to_its_pixels(tmp_path: Path) -> None:
    maker = PictureMaker(slices=2)
    steps, image = prepare(maker.save(tmp_path), Recipe(256, {"ES": RANGE}))
    back = invert(steps, image, image.as_tensor()[:1])
    expected = maker.pictures()[..., 0].transpose(2, 1, 0) / 127.5 - 1
    assert np.abs(back[0].numpy() - expected).max() < 0.1


@pytest.mark.parametrize("kind", ["XC", "OP", "CR", "DX"])
def test_the_modality_is_held_against_the_model(kind: str, tmp_path: Path) -> None:
    folder = PictureMaker(kind=kind).save(tmp_path)
    with pytest.raises(InputError, match=f"modality is {kind}, but this model was trained on ES"):
        prepare(folder, Recipe(64, {"ES": RANGE}), "ES")
    assert prepare(folder, Recipe(64, {kind: PERCENTILE}))[1].abs().max() == 1


@pytest.mark.parametrize("name", list(orientations())[::5])
def test_enhanced_and_single_frame_twins_are_the_same_to_the_model(name: str, tmp_path: Path) -> None:
    cosines = orientations()[name]
    recipe = Recipe(64, {"MR": PERCENTILE})
    enhanced = EnhancedMaker(orientation=cosines, slopes=[1.0] * 6).save(tmp_path / "enhanced")
    single = SeriesMaker(orientation=cosines, modality="MR").save(tmp_path / "single")
    twins = [prepare(folder, recipe)[1] for folder in (enhanced, single)]
    torch.testing.assert_close(*(twin.as_tensor() for twin in twins), rtol=0, atol=0)
    torch.testing.assert_close(twins[0].affine, twins[1].affine)


def test_one_file_may_hold_the_series(tmp_path: Path) -> None:
    recipe = Recipe(64, {"MR": PERCENTILE})
    folder = EnhancedMaker().save(tmp_path / "enhanced")
    twins = [prepare(source, recipe)[1] for source in (folder, folder / "IM_1.dcm")]
    torch.testing.assert_close(*(twin.as_tensor() for twin in twins), rtol=0, atol=0)


def test_corrections_travel_with_the_image(tmp_path: Path) -> None:
    datasets: list[FileDataset] = SeriesMaker(modality="MR").datasets()
    for dataset in datasets:
        dataset.PhotometricInterpretation = "MONOCHROME1"
        dataset.save_as(tmp_path / f"{dataset.InstanceNumber}.dcm", enforce_file_format=True)
    image = prepare(tmp_path, Recipe(64, {"MR": PERCENTILE}))[1]
    assert "MONOCHROME1" in image.meta["corrections"][0]


def test_a_mask_of_a_dicom_picture_may_be_a_png(tmp_path: Path) -> None:
    folder = PictureMaker().save(tmp_path / "dicom")
    mask = np.zeros((20, 24), dtype=np.uint8)
    mask[2:9, 3:17] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    np.testing.assert_array_equal(load_labelmap_like(tmp_path / "mask.png", folder)[..., 0], (mask > 0).T)
    example = Example("a", folder, tmp_path / "mask.png")
    data = Compose(Recipe(64, {"ES": RANGE}).training_transforms(example))({"image": folder})
    assert data["image"].shape == (3, 64, 64, 1) and data["label"].shape == (1, 64, 64, 1)
    assert data["label"].max() == 1
