"""The MONAI reader: a MetaTensor with the right axes and the right affine, through LoadImaged."""

from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.dicom_series import SeriesMaker, orientations
from monai.data import MetaTensor
from monai.transforms import Compose, LoadImage, LoadImaged, Orientationd

from sdseg.dicom.series import load_series
from sdseg.errors import GeometryError, InputError
from sdseg.volume.series_reader import DicomSeriesReader


def load(folder: Path, uid: str | None = None) -> MetaTensor:
    transform = LoadImaged("image", reader=DicomSeriesReader(uid), ensure_channel_first=True)
    image = transform({"image": str(folder)})["image"]
    assert isinstance(image, MetaTensor)
    return image


def test_axes_values_and_meta(ct_folder: Path) -> None:
    image = load(ct_folder)
    assert image.shape == (1, 24, 20, 6) and image.dtype == torch.float32
    stored = SeriesMaker().stored()
    np.testing.assert_array_equal(image[0].numpy(), stored.transpose(2, 1, 0) - 1000.0)
    assert image.meta["modality"] == "CT"
    assert image.meta["series_instance_uid"] == SeriesMaker().uid("series")
    assert image.meta["space"] == "RAS"
    assert list(image.meta["spatial_shape"]) == [24, 20, 6]


@pytest.mark.parametrize("name", orientations())
def test_affine_survives_loading_and_reorienting(name: str, tmp_path: Path) -> None:
    """A point of the patient keeps its value, whatever way the slices lie and MONAI turns them."""
    maker = SeriesMaker(orientation=orientations()[name])
    folder = maker.save(tmp_path)
    image = load(folder)
    np.testing.assert_allclose(image.affine, load_series(folder).affine, atol=1e-6)
    np.testing.assert_allclose(image.meta["original_affine"], image.affine, atol=1e-6)
    turned = Orientationd("image", axcodes="RAS", labels=None)({"image": image})["image"]
    cosines = np.array(maker.orientation)
    for column, row, index in [(0, 0, 0), (5, 17, 4), (23, 2, 1)]:
        lps = maker.position(index) + column * 0.7 * cosines[:3] + row * 0.9 * cosines[3:]
        at = np.linalg.inv(np.asarray(turned.affine)) @ [-lps[0], -lps[1], lps[2], 1]
        i, j, k = np.round(at[:3]).astype(int)
        np.testing.assert_allclose(at[:3], [i, j, k], atol=1e-3)
        assert turned[0, i, j, k] == image[0, column, row, index]


def test_sample_data_loads_like_its_mask(sample_data: Path) -> None:
    image = load(sample_data / "dicom")
    mask = LoadImage(image_only=True)(sample_data / "reference" / "S1_brain.nii.gz")
    assert image.shape[1:] == mask.shape
    np.testing.assert_allclose(image.affine, mask.affine, atol=1e-4)


def test_errors_keep_their_sentence(ct_folder: Path, tmp_path: Path) -> None:
    """LoadImage would bury what `read` raises; so nothing user-caused is raised there."""
    (ct_folder / "IM_3.dcm").unlink()
    with pytest.raises(GeometryError, match="missing"):
        load(ct_folder)
    with pytest.raises(InputError, match="does not exist"):
        load(tmp_path / "nowhere")
    with pytest.raises(RuntimeError) as caught:
        Compose([LoadImaged("image", reader=DicomSeriesReader())])({"image": ct_folder})
    assert isinstance(caught.value.__cause__, GeometryError)


def test_series_is_chosen_by_uid(tmp_path: Path) -> None:
    SeriesMaker().save(tmp_path / "one")
    two = SeriesMaker(name="two", modality="MR", slices=4)
    two.save(tmp_path / "two")
    assert load(tmp_path, two.uid("series")).shape == (1, 24, 20, 4)


def test_reader_takes_files_and_leaves_other_formats_alone(ct_folder: Path, sample_data: Path) -> None:
    reader = DicomSeriesReader()
    files = sorted(ct_folder.iterdir())
    array, meta = reader.get_data(reader.read(files))
    assert array.shape == (24, 20, 6) and meta["modality"] == "CT"
    nifti = sample_data / "reference" / "S1_brain.nii.gz"
    assert reader.verify_suffix(ct_folder) and reader.verify_suffix(files) and not reader.verify_suffix(nifti)
    image = LoadImage(reader=["NibabelReader", DicomSeriesReader()], image_only=True)(nifti)
    assert image.shape == (256, 256, 64)
