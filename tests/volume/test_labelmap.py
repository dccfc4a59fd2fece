"""Masks in files: the same voxels whatever the axes, and no mask of another image."""

import itertools
from pathlib import Path

import nibabel as nib
import nrrd
import numpy as np
import pytest
import SimpleITK as sitk
from helpers.dicom_series import SeriesMaker, orientations
from numpy.typing import NDArray
from PIL import Image

from sdseg.dicom.seg_writer import SegProvenance, build_seg, save_seg
from sdseg.dicom.series import load_series
from sdseg.errors import InputError, LabelError
from sdseg.volume.labelmap import load_labelmap_like, save_labelmap

Mask = NDArray[np.uint8]
NAMES = ["axial++", "coronal--", "sagittal+-", "axial-+-oblique", "coronal++-oblique", "sagittal---oblique"]


@pytest.fixture
def mask() -> Mask:
    """(24, 20, 6): the grid of `ct_folder`, without any symmetry."""
    found = np.zeros((24, 20, 6), dtype=np.uint8)
    found[3:17, 2:9, 1:5] = 1
    found[20:22, 15, 4] = 5
    return found


def affine_of(folder: Path) -> NDArray[np.float64]:
    return load_series(folder).affine


def turned(values: Mask, affine: NDArray, axes: tuple[int, ...], flips: tuple[int, ...]) -> tuple[Mask, NDArray]:
    """The same voxels at the same places, stored with other axes."""
    matrix = np.eye(4)
    for axis in flips:
        matrix[axis, axis], matrix[axis, 3] = -1, values.shape[axis] - 1
    matrix = matrix @ np.eye(4)[:, [*axes, 3]]
    return np.flip(values, flips).transpose(axes), affine @ matrix


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd"])
def test_what_is_saved_is_read_again(name: str, suffix: str, mask: Mask, tmp_path: Path) -> None:
    folder = SeriesMaker(orientation=orientations()[name]).save(tmp_path / "series")
    path = save_labelmap(mask, affine_of(folder), tmp_path / f"mask{suffix}")
    found = load_labelmap_like(path, folder)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, mask)


@pytest.mark.parametrize("axes", list(itertools.permutations(range(3))), ids=str)
@pytest.mark.parametrize("flips", [(), (0,), (1, 2), (0, 1, 2)], ids=str)
def test_other_axes_are_undone(axes: tuple[int, ...], flips: tuple[int, ...], mask: Mask, tmp_path: Path) -> None:
    folder = SeriesMaker(orientation=orientations()["axial+--oblique"]).save(tmp_path / "series")
    stored, affine = turned(mask, affine_of(folder), axes, flips)
    for suffix in (".nii.gz", ".nrrd"):
        path = save_labelmap(stored, affine, tmp_path / f"mask{suffix}")
        np.testing.assert_array_equal(load_labelmap_like(path, folder), mask)


@pytest.mark.parametrize("suffix", [".mha", ".nrrd", ".seg.nrrd", ".nii.gz"])
def test_masks_written_by_itk(suffix: str, ct_folder: Path, mask: Mask, tmp_path: Path) -> None:
    """SimpleITK reads the series itself, so this is a second opinion on our affine."""
    names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(ct_folder))
    image = sitk.ReadImage(names)
    label = sitk.GetImageFromArray(mask.transpose(2, 1, 0))
    label.CopyInformation(image)
    path = tmp_path / f"mask{suffix}"
    sitk.WriteImage(label, str(path), useCompression=True)
    np.testing.assert_array_equal(load_labelmap_like(path, ct_folder), mask)


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd"])
@pytest.mark.parametrize("name", NAMES)
def test_itk_sees_our_mask_on_its_own_image(name: str, suffix: str, mask: Mask, tmp_path: Path) -> None:
    """What Slicer would see."""
    folder = SeriesMaker(orientation=orientations()[name]).save(tmp_path / "series")
    path = save_labelmap(mask, affine_of(folder), tmp_path / f"mask{suffix}")
    image = sitk.ReadImage(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder)))
    label = sitk.ReadImage(str(path))
    assert label.GetSize() == image.GetSize()
    np.testing.assert_allclose(label.GetOrigin(), image.GetOrigin(), atol=1e-3)
    np.testing.assert_allclose(label.GetSpacing(), image.GetSpacing(), atol=1e-4)
    np.testing.assert_allclose(label.GetDirection(), image.GetDirection(), atol=1e-5)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(label), mask.transpose(2, 1, 0))


def test_nrrd_is_what_ohif_and_slicer_expect(ct_folder: Path, mask: Mask, tmp_path: Path) -> None:
    path = save_labelmap(mask, affine_of(ct_folder), tmp_path / "mask.nrrd")
    content = path.read_bytes()
    assert content.endswith(mask.tobytes(order="F"))  # raw voxels, column fastest
    values, header = nrrd.read(str(path))
    np.testing.assert_array_equal(values, mask)
    assert header["type"] == "uint8" and header["encoding"] == "raw"
    assert header["space"] == "left-posterior-superior" and list(header["kinds"]) == ["domain"] * 3
    np.testing.assert_allclose(header["space origin"], [-31.25, 12.5, 70.75])
    np.testing.assert_allclose(header["space directions"], np.diag([0.7, 0.9, 2.5]))
    packed = save_labelmap(mask, affine_of(ct_folder), tmp_path / "packed.nrrd", compress=True)
    assert packed.stat().st_size < path.stat().st_size
    np.testing.assert_array_equal(load_labelmap_like(packed, ct_folder), mask)


def test_dicom_seg_and_its_names(ct_folder: Path, mask: Mask, tmp_path: Path) -> None:
    provenance = SegProvenance("toy", "1", "0" * 64, seed=0, steps=1, preset="tiny")
    labels = {"liver": 1, "spleen": 5}
    seg = build_seg(load_series(ct_folder), mask.transpose(2, 1, 0), labels, provenance)
    path = save_seg(seg, tmp_path / "seg.dcm")
    np.testing.assert_array_equal(load_labelmap_like(path, ct_folder, labels), mask)
    np.testing.assert_array_equal(load_labelmap_like(path, ct_folder), np.where(mask == 5, 2, mask))
    image = save_labelmap(mask, affine_of(ct_folder), tmp_path / "image.nii.gz")
    with pytest.raises(LabelError, match="no DICOM series"):
        load_labelmap_like(path, image)


@pytest.mark.parametrize("dtype", ["u1", "<u2"])
def test_raw_voxels(dtype: str, ct_folder: Path, mask: Mask, tmp_path: Path) -> None:
    path = tmp_path / "label.bin"
    path.write_bytes(mask.astype(dtype).tobytes(order="F"))
    np.testing.assert_array_equal(load_labelmap_like(path, ct_folder), mask)
    path.write_bytes(b"123")
    with pytest.raises(LabelError, match=r"3 bytes.*2880 voxels"):
        load_labelmap_like(path, ct_folder)


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".mha"])
def test_image_may_be_a_file(suffix: str, mask: Mask, tmp_path: Path) -> None:
    affine = np.array([[0, 0, 2.0, 5], [-1.5, 0, 0, 6], [0, 1, 0, 7], [0, 0, 0, 1]])
    image = tmp_path / f"image{suffix}"
    if suffix == ".mha":
        sitk.WriteImage(sitk.ReadImage(str(save_labelmap(mask, affine, tmp_path / "image.nrrd"))), str(image))
    else:
        save_labelmap(mask, affine, image)
    path = save_labelmap(*turned(mask, affine, (2, 0, 1), (1,)), tmp_path / "mask.nii.gz")
    np.testing.assert_array_equal(load_labelmap_like(path, image), mask)


def test_pictures(tmp_path: Path) -> None:
    values = np.zeros((20, 30), dtype=np.uint8)  # (rows, columns)
    values[3:9, 4:19] = 255
    Image.fromarray(values).save(tmp_path / "image.png")
    for name in ("mask.png", "mask.jpg"):
        Image.fromarray(values).save(tmp_path / name)
        found = load_labelmap_like(tmp_path / name, tmp_path / "image.png")
        np.testing.assert_array_equal(found, (values.T > 0).astype(np.uint8)[..., None])
    Image.fromarray(values // 85).save(tmp_path / "classes.png")
    assert load_labelmap_like(tmp_path / "classes.png", tmp_path / "image.png").max() == 3
    Image.fromarray(values.T).save(tmp_path / "turned.png")
    with pytest.raises(LabelError, match="30 x 20 x 1"):
        load_labelmap_like(tmp_path / "turned.png", tmp_path / "image.png")


def scaled(affine: NDArray, factor: float) -> NDArray:
    return affine @ np.diag([factor, 1, 1, 1])


def moved(affine: NDArray, mm: float) -> NDArray:
    return affine + np.array([[0, 0, 0, mm], *([[0, 0, 0, 0]] * 3)])


def mirrored(affine: NDArray) -> NDArray:
    """The patient's left and right exchanged: the same axes, another place."""
    return np.diag([-1, 1, 1, 1]) @ affine


@pytest.mark.parametrize(
    ("change", "keep"),
    [
        (lambda affine: moved(affine, 0.7), slice(None)),
        (lambda affine: moved(affine, 0.05), slice(None)),
        (lambda affine: scaled(affine, 1.01), slice(None)),
        (lambda affine: scaled(affine, 2), slice(None)),
        (mirrored, slice(None)),
        (lambda affine: affine, slice(0, 5)),
        (lambda affine: np.zeros((4, 4)), slice(None)),
        (lambda affine: np.eye(4), slice(None)),
    ],
    ids=["one voxel", "a fraction", "spacing", "double spacing", "mirrored", "fewer slices", "no affine", "identity"],
)
def test_masks_of_another_grid_are_refused(change, keep: slice, ct_folder: Path, mask: Mask, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    image = nib.Nifti1Image(mask[:, :, keep], None)
    image.set_sform(change(affine_of(ct_folder)), code=1)
    nib.save(image, tmp_path / "mask.nii.gz")
    with pytest.raises(LabelError) as caught:
        load_labelmap_like(tmp_path / "mask.nii.gz", ct_folder)
    message = str(caught.value)
    assert "mask.nii.gz" in message and "\n" not in message
    assert "24 x 20 x 6 voxels of 0.7 x 0.9 x 2.5 mm" in message and message.count("voxels of") == 2


def test_rounding_of_other_programs_is_tolerated(mask: Mask, tmp_path: Path) -> None:
    folder = SeriesMaker(orientation=orientations()["axial++-oblique"]).save(tmp_path / "series")
    affine = affine_of(folder) + np.random.default_rng(5).uniform(-1e-4, 1e-4, (4, 4)) * [[1], [1], [1], [0]]
    path = save_labelmap(mask, affine, tmp_path / "mask.nii.gz")
    np.testing.assert_array_equal(load_labelmap_like(path, folder), mask)


@pytest.mark.parametrize("value", [0.5, -1, 256, np.nan])
def test_values_must_be_labels(value: float, ct_folder: Path, mask: Mask, tmp_path: Path) -> None:
    values = mask.astype(np.float32)
    values[3, 4, 5] = value
    nib.save(nib.Nifti1Image(values, affine_of(ct_folder)), tmp_path / "mask.nii.gz")
    with pytest.raises(LabelError, match=f"holds the value {value:g}"):
        load_labelmap_like(tmp_path / "mask.nii.gz", ct_folder)
    with pytest.raises(LabelError, match="holds the value"):
        save_labelmap(values, affine_of(ct_folder), tmp_path / "other.nii.gz")


def test_files_that_cannot_be_read_are_named(ct_folder: Path, mask: Mask, tmp_path: Path) -> None:
    good = save_labelmap(mask, affine_of(ct_folder), tmp_path / "mask.nii.gz")
    nrrd_file = save_labelmap(mask, affine_of(ct_folder), tmp_path / "mask.nrrd")
    (tmp_path / "cut.nii.gz").write_bytes(good.read_bytes()[:60])
    (tmp_path / "cut.nrrd").write_bytes(nrrd_file.read_bytes()[:500])
    (tmp_path / "text.nii").write_text("no image")
    (tmp_path / "text.png").write_text("no image")
    (tmp_path / "mask.xyz").write_text("no image")
    for name in ("cut.nii.gz", "cut.nrrd", "text.nii", "text.png", "mask.xyz", "nowhere.nii.gz"):
        with pytest.raises(InputError, match=name) as caught:
            load_labelmap_like(tmp_path / name, ct_folder)
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="nowhere"):
        load_labelmap_like(good, tmp_path / "nowhere")


def test_layered_segmentations_are_refused(ct_folder: Path, mask: Mask, tmp_path: Path) -> None:
    layers = sitk.GetImageFromArray(np.stack([mask.transpose(2, 1, 0)] * 2, axis=-1), isVector=True)
    sitk.WriteImage(layers, str(tmp_path / "layers.seg.nrrd"))
    with pytest.raises(LabelError, match="layers"):
        load_labelmap_like(tmp_path / "layers.seg.nrrd", ct_folder)


def test_saving_checks_and_leaves_no_rest(ct_folder: Path, mask: Mask, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(InputError, match="unknown kind"):
        save_labelmap(mask, np.eye(4), out / "mask.png")
    with pytest.raises(LabelError, match="three axes"):
        save_labelmap(mask[0], np.eye(4), out / "mask.nrrd")
    with pytest.raises(InputError, match="cannot be written"):
        save_labelmap(mask, np.eye(4), out / "nowhere" / "mask.nrrd")
    assert list(out.iterdir()) == []
    first = save_labelmap(mask, np.eye(4), out / "mask.nii.gz").read_bytes()
    assert save_labelmap(mask, np.eye(4), out / "mask.nii.gz").read_bytes() == first
    assert list(out.iterdir()) == [out / "mask.nii.gz"]


def test_reference_of_the_sample_lies_on_its_series(sample_data: Path) -> None:
    mask = load_labelmap_like(sample_data / "reference" / "S1_brain.nii.gz", sample_data / "dicom")
    assert mask.shape == (256, 256, 64) and set(np.unique(mask)) == {0, 1}
