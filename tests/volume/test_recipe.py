"""The recipe: what the model sees, and the exact way back to the source's voxels."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from helpers.dicom_series import SeriesMaker, orientations
from monai.transforms import Compose
from PIL import Image

from sdseg.errors import GeometryError, InputError, LabelError
from sdseg.volume.example import Example
from sdseg.volume.load import load_failures
from sdseg.volume.recipe import Recipe, invert
from sdseg.volume.square import square_padding
from sdseg.volume.window import Window

RECIPE = Recipe(image_size=64, windows={"MR": Window("percentile", 0, 100), "CT": Window("range", -100, 300)})


def save_nifti(path: Path, array: np.ndarray, affine: np.ndarray | None = None) -> Path:
    nib.save(nib.Nifti1Image(array, np.eye(4) if affine is None else affine), path)
    return path


def prepare(source: Path, recipe: Recipe = RECIPE, modality: str | None = None):  # type: ignore[no-untyped-def]
    steps = recipe.transforms(source, modality)
    with load_failures(source):
        return steps, Compose(steps)({"image": source})["image"]


@pytest.mark.parametrize("name", list(orientations()))
def test_the_way_back_is_exact(name: str, tmp_path: Path) -> None:
    """A map that is linear in patient coordinates comes back with the value of every source voxel."""
    folder = SeriesMaker(modality="MR", orientation=orientations()[name], rows=40, columns=32).save(tmp_path / "mr")
    steps, image = prepare(folder, Recipe(image_size=128, windows=RECIPE.windows))
    back = invert(steps, image, coordinates(image))
    assert back.shape == (3, 32, 40, 6)
    expected = coordinates(back)
    inner = (slice(None), slice(3, -3), slice(3, -3), slice(None))  # the padding's edge is not linear
    torch.testing.assert_close(back.as_tensor()[inner], expected[inner], atol=0.02, rtol=0)


def coordinates(image: torch.Tensor) -> torch.Tensor:
    """(3, i, j, k): RAS mm of every voxel centre of a MetaTensor."""
    grid = torch.stack(torch.meshgrid(*(torch.arange(n, dtype=torch.float64) for n in image.shape[1:]), indexing="ij"))
    affine = image.affine.double()
    return (torch.einsum("rc,cijk->rijk", affine[:3, :3], grid) + affine[:3, 3].view(3, 1, 1, 1)).float()


def test_source_affine_comes_back(tmp_path: Path) -> None:
    affine = np.array([[0, -2.0, 0, 5], [1.5, 0, 0, -7], [0, 0, -3, 11], [0, 0, 0, 1]])
    path = save_nifti(tmp_path / "a.nii.gz", np.random.default_rng(0).random((20, 30, 5), np.float32), affine)
    steps, image = prepare(path, modality="MR")
    assert image.shape == (1, 64, 64, 5)
    np.testing.assert_allclose(invert(steps, image, torch.zeros_like(image)).affine, affine, atol=1e-4)


def test_a_mask_survives_there_and_back(tmp_path: Path) -> None:
    volume = np.zeros((50, 40, 6), np.float32)
    volume[12:38, 9:31, 2:5] = 1
    path = save_nifti(tmp_path / "a.nii.gz", volume, np.diag([-1.0, 1.2, 2.0, 1]))
    steps, image = prepare(path, Recipe(image_size=256, windows=RECIPE.windows), "MR")
    back = invert(steps, image, (image > 0).float())[0].numpy() > 0.5
    assert np.array_equal(back, volume > 0.5)


def test_slices_are_turned_the_same_way(tmp_path: Path) -> None:
    """The same anatomy, stored in two voxel orders, is the same to the model."""
    volume = np.random.default_rng(1).random((24, 24, 4)).astype(np.float32)
    straight = save_nifti(tmp_path / "a.nii.gz", volume, np.diag([1.0, 1, 2, 1]))
    turned_affine = np.array([[-1.0, 0, 0, 23], [0, 0, 1, 0], [0, -2, 0, 6], [0, 0, 0, 1]])
    turned = save_nifti(tmp_path / "b.nii.gz", volume[::-1, :, ::-1].transpose(0, 2, 1), turned_affine)
    first, second = (prepare(path, modality="MR")[1].as_tensor() for path in (straight, turned))
    torch.testing.assert_close(first, second)


def test_a_result_in_another_place_is_discarded(tmp_path: Path) -> None:
    path = save_nifti(tmp_path / "a.nii.gz", np.random.default_rng(1).random((24, 20, 4), np.float32))
    steps, image = prepare(path, modality="MR")
    invert(steps, image, torch.zeros_like(image))
    for key, wrong in (("original_affine", np.eye(4) + np.eye(4, k=3)), ("spatial_shape", np.array([24, 20, 5]))):
        moved = image.clone()
        moved.meta = {**image.meta, key: wrong}
        with pytest.raises(GeometryError, match="discarded"):
            invert(steps, moved, torch.zeros_like(image))


@pytest.mark.parametrize(
    ("shape", "spacing", "padding"),
    [
        ((1, 10, 10, 3), (1, 1, 9), [(0, 0), (0, 0), (0, 0), (0, 0)]),
        ((1, 10, 7, 3), (1, 1, 9), [(0, 0), (0, 0), (1, 2), (0, 0)]),
        ((1, 10, 10, 3), (1, 2, 9), [(0, 0), (5, 5), (0, 0), (0, 0)]),
    ],
)
def test_square_in_millimetres(shape: tuple[int, ...], spacing: tuple[float, ...], padding: list) -> None:
    assert square_padding(shape, np.array(spacing)) == padding


def test_windows_follow_the_modality(tmp_path: Path) -> None:
    path = save_nifti(tmp_path / "a.nii.gz", np.linspace(-1000, 1000, 20 * 20 * 3).reshape(20, 20, 3))
    ct = prepare(path, modality="CT")[1]
    assert ct.min() == -1 and ct.max() == 1
    assert float((ct == -1).float().mean()) > 0.4
    assert float((prepare(path, modality="MR")[1] == -1).float().mean()) < 0.01


def test_dicom_knows_its_modality(tmp_path: Path) -> None:
    folder = SeriesMaker(modality="PT").save(tmp_path / "pt")
    with pytest.raises(InputError, match="modality is PT, but this model was trained on MR and CT"):
        prepare(folder)
    with pytest.raises(InputError, match="modality is PT"):
        prepare(folder, modality="MR")


def test_modality_must_be_known_where_there_are_several(tmp_path: Path) -> None:
    path = save_nifti(tmp_path / "a.nii.gz", np.ones((20, 20, 3)))
    with pytest.raises(InputError, match="modality is not stated"):
        prepare(path)


@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("RGB", 3), ("RGBA", 3), ("P", 3), ("LA", 1)])
def test_pictures(mode: str, channels: int, tmp_path: Path) -> None:
    picture = Image.fromarray(np.arange(30 * 50, dtype=np.uint8).reshape(30, 50) % 251).convert(mode)
    picture.save(tmp_path / "a.png")
    recipe = Recipe(image_size=64, windows={"XC": Window("range", 0, 255)})
    steps, image = prepare(tmp_path / "a.png", recipe)
    assert image.shape == (channels, 64, 64, 1)
    assert invert(steps, image, torch.zeros(1, 64, 64, 1)).shape == (1, 50, 30, 1)


def test_label_lies_on_the_images_grid(tmp_path: Path) -> None:
    affine = np.diag([1.0, 1, 2, 1])
    image = save_nifti(tmp_path / "a.nii.gz", np.random.default_rng(0).random((20, 30, 5)).astype(np.float32), affine)
    mask = np.zeros((20, 30, 5), np.uint8)
    mask[5:15, 5:25] = 1
    label = save_nifti(tmp_path / "b.nii.gz", mask, affine)
    data = Compose(RECIPE.training_transforms(Example("a", image, label, "MR")))({"image": image})
    assert data["label"].shape == data["image"].shape == (1, 64, 64, 5)
    assert set(data["label"].unique().tolist()) == {0, 1}
    shifted = save_nifti(tmp_path / "c.nii.gz", mask, affine + np.eye(4, k=3))
    with pytest.raises(LabelError), load_failures(image):
        Compose(RECIPE.training_transforms(Example("a", image, shifted, "MR")))({"image": image})


def test_colour_volumes_are_refused(tmp_path: Path) -> None:
    path = save_nifti(tmp_path / "a.nii.gz", np.zeros((20, 20, 5, 4), np.float32))
    with pytest.raises(InputError, match="4 channels"):
        prepare(path)


def test_truncated_file_is_named(tmp_path: Path) -> None:
    path = save_nifti(tmp_path / "a.nii.gz", np.random.default_rng(0).random((20, 20, 5)))
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(InputError, match=r"a\.nii\.gz cannot be read"):
        prepare(path)


def test_recipe_survives_json() -> None:
    assert Recipe.from_dict(RECIPE.to_dict()) == RECIPE


@pytest.mark.parametrize("values", [{"image_size": 100}, {"image_size": 0}, {"windows": {}}])
def test_bad_recipes_are_not_built(values: dict) -> None:
    with pytest.raises(InputError):
        Recipe(**values)


@pytest.mark.parametrize("values", [("percentile", -1, 50), ("percentile", 50, 101), ("range", 5, 5), ("log", 0, 1)])
def test_bad_windows_are_not_built(values: tuple) -> None:
    with pytest.raises(InputError):
        Window(*values)
