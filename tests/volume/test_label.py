"""Labels of examples: a channel of a colour mask, other values, and the same array for training and evaluation."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from monai.transforms import Compose
from PIL import Image

from sdseg.errors import InputError, LabelError
from sdseg.volume.example import Example
from sdseg.volume.label import load_labelmap_of
from sdseg.volume.labelmap import load_labelmap_like
from sdseg.volume.recipe import Recipe
from sdseg.volume.window import Window

COLOURS = np.zeros((6, 8, 3), np.uint8)  # (rows, columns, channels)
COLOURS[1:4, 2:7, 1] = 128
COLOURS[2, 3:5, 1] = 255
COLOURS[5, 0, 0] = 7


def pair(folder: Path, mask: np.ndarray, suffix: str = ".png", mode: str | None = None) -> tuple[Path, Path]:
    image, label = folder / "image.png", folder / f"mask{suffix}"
    Image.fromarray(np.zeros((6, 8, 3), np.uint8)).save(image)
    picture = Image.fromarray(mask)
    (picture.convert(mode) if mode else picture).save(label)
    return image, label


def test_a_channel_is_read_as_stored(tmp_path: Path) -> None:
    image, label = pair(tmp_path, COLOURS)
    for channel in (0, 1):
        found = load_labelmap_of(Example("a", image, label, label_channel=channel))
        assert found.dtype == np.uint8
        np.testing.assert_array_equal(found, COLOURS[..., channel].T[..., None])


def test_values_are_renamed_after_reading_and_the_rest_is_background(tmp_path: Path) -> None:
    image, label = pair(tmp_path, COLOURS)
    found = load_labelmap_of(Example("a", image, label, label_channel=1, label_values={255: 1}))
    np.testing.assert_array_equal(found[..., 0], (COLOURS[..., 1].T == 255).astype(np.uint8))
    both = load_labelmap_of(Example("a", image, label, label_channel=1, label_values={255: 2, 128: 5}))
    assert np.unique(both).tolist() == [0, 2, 5]
    image, label = pair(tmp_path, COLOURS[..., 1] // 127)
    assert np.unique(load_labelmap_of(Example("a", image, label, label_values={1: 0, 2: 3}))).tolist() == [0, 3]


@pytest.mark.parametrize(
    ("suffix", "mode"), [(".png", None), (".png", "1"), (".png", "P"), (".bmp", "RGB"), (".tif", "L")]
)
def test_white_is_white_in_every_kind_of_picture(suffix: str, mode: str | None, tmp_path: Path) -> None:
    """The first channel of grey, palette and one-bit pictures holds their grey values."""
    white = np.where(COLOURS[..., 1] > 0, 255, 0).astype(np.uint8)
    image, label = pair(tmp_path, white, suffix, mode)
    found = load_labelmap_of(Example("a", image, label, label_channel=0, label_values={255: 1}))
    np.testing.assert_array_equal(found[..., 0], (white.T > 0).astype(np.uint8))


def test_without_channel_a_mask_is_read_as_any_mask(tmp_path: Path) -> None:
    for mask in (COLOURS, np.where(COLOURS > 0, 255, 0).astype(np.uint8)):
        image, label = pair(tmp_path, mask)
        np.testing.assert_array_equal(load_labelmap_of(Example("a", image, label)), load_labelmap_like(label, image))


def test_training_sees_the_same_label(tmp_path: Path) -> None:
    image, label = pair(tmp_path, COLOURS)
    example = Example("a", image, label, "XC", label_channel=1, label_values={128: 1, 255: 2})
    recipe = Recipe(image_size=8, windows={"XC": Window("range", 0, 255)})
    found = Compose(recipe.training_transforms(example))({"image": image})
    assert found["image"].shape == (3, 8, 8, 1) and found["label"].shape == (1, 8, 8, 1)
    np.testing.assert_array_equal(found["label"][0, :, 1:7, 0].numpy(), load_labelmap_of(example)[..., 0])


def test_what_cannot_be_read_says_why(tmp_path: Path) -> None:
    image, label = pair(tmp_path, COLOURS)
    with pytest.raises(LabelError, match=r"mask\.png has 3 channels, so there is no channel 3"):
        load_labelmap_of(Example("a", image, label, label_channel=3))
    with pytest.raises(InputError, match="nowhere"):
        load_labelmap_of(Example("a", image, tmp_path / "nowhere.png", label_channel=1))
    label.write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"mask\.png is truncated"):
        load_labelmap_of(Example("a", image, label, label_channel=1))
    volume = tmp_path / "mask.nii.gz"
    nib.save(nib.Nifti1Image(np.zeros((8, 6, 1), np.uint8), np.eye(4)), volume)
    with pytest.raises(LabelError, match="no picture and has no channels"):
        load_labelmap_of(Example("a", image, volume, label_channel=1))
    Image.fromarray(COLOURS[:5]).save(label := tmp_path / "short.png")
    with pytest.raises(LabelError, match="8 x 5 x 1"):
        load_labelmap_of(Example("a", image, label, label_channel=1))


@pytest.mark.parametrize(
    "wrong",
    [{"id": ""}, {"label_channel": -1}, {"label_values": {256: 1}}, {"label_values": {1: -1}}, {"label_values": {}}],
)
def test_an_example_that_exists_is_valid(wrong: dict) -> None:
    with pytest.raises(InputError):
        Example(**{"id": "a", "image": Path("a.png"), "label": Path("b.png"), **wrong})


def test_the_group_is_the_id_unless_named() -> None:
    assert Example("a", Path("a.png"), Path("b.png")).group == "a"
    assert Example("a", Path("a.png"), Path("b.png"), group="video 3").group == "video 3"
