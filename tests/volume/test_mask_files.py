"""A mask written slice by slice is, byte for byte, the file that the format's library makes of the whole."""

import gzip
from io import BytesIO
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray

from sdseg.volume.compact import CompactLabelmap
from sdseg.volume.labelmap import save_labelmap
from sdseg.volume.mask_array_file import read_npy, write_npy
from sdseg.volume.mask_files import nrrd_header
from sdseg.volume.volume_files import read

AFFINE = np.array([[-0.7, 0.1, 0, 5], [0.1, -0.9, 0, 6.5], [0, 0, 2.5, -7], [0, 0, 0, 1]])


@pytest.fixture(params=["few structures", "noise", "nothing"])
def mask(request: pytest.FixtureRequest) -> NDArray[np.uint8]:
    """(i, j, k), of more slices than are packed together."""
    values = np.zeros((23, 17, 37), np.uint8)
    if request.param == "noise":
        return np.random.default_rng(0).integers(0, 256, values.shape, dtype=np.uint8)
    if request.param == "few structures":
        values[3:9, 2:5, 14:21], values[11:, 8, 30] = 1, 7
    return values


def by_the_library(mask: NDArray[np.uint8]) -> bytes:
    image = nib.Nifti1Image(mask, AFFINE)
    image.header.set_xyzt_units("mm")
    image.set_sform(AFFINE, code=1)
    image.set_qform(AFFINE, code=1)
    return bytes(image.to_bytes())


def forms(mask: NDArray[np.uint8]) -> list[NDArray[np.uint8] | CompactLabelmap]:
    return [mask, np.asfortranarray(mask), CompactLabelmap.of(mask)]


def test_nifti(mask: NDArray[np.uint8], tmp_path: Path) -> None:
    expected = by_the_library(mask)
    for each in forms(mask):
        assert save_labelmap(each, AFFINE, tmp_path / "mask.nii").read_bytes() == expected
        packed = save_labelmap(each, AFFINE, tmp_path / "mask.nii.gz").read_bytes()
        assert gzip.decompress(packed) == expected and packed[4:8] == bytes(4), "no time: the same mask, the same file"


def test_nrrd(mask: NDArray[np.uint8], tmp_path: Path) -> None:
    for each in forms(mask):
        for compress in (False, True):
            path = save_labelmap(each, AFFINE, tmp_path / "mask.nrrd", compress=compress)
            header = nrrd_header(mask.shape, AFFINE, compress)
            content = path.read_bytes()
            assert content.startswith(header)
            voxels = content[len(header) :]
            assert (gzip.decompress(voxels) if compress else voxels) == mask.tobytes(order="F")
            values, grid = read(path)
            np.testing.assert_array_equal(values, mask)
            np.testing.assert_allclose(grid.affine, AFFINE, atol=1e-9)


def test_npy(mask: NDArray[np.uint8]) -> None:
    whole, parts = BytesIO(), BytesIO()
    np.lib.format.write_array(whole, np.asfortranarray(mask))
    write_npy(parts, mask.shape, CompactLabelmap.of(mask))
    assert parts.getvalue() == whole.getvalue()
    whole.seek(0)
    found = read_npy(whole)
    np.testing.assert_array_equal(found.array(), mask)
    assert found.is_empty == (not mask.any()) and (found.counts == np.bincount(mask.ravel(), minlength=256)).all()


@pytest.mark.parametrize("wrong", ["order", "kind", "axes", "short", "long"])
def test_other_arrays_are_no_labelmap(wrong: str) -> None:
    values = np.ones((4, 5, 20), np.uint16 if wrong == "kind" else np.uint8, order="C" if wrong == "order" else "F")
    content = BytesIO()
    np.lib.format.write_array(content, values[..., 0] if wrong == "axes" else values)
    cut = {"short": content.getvalue()[:-1], "long": content.getvalue() + b"\0"}.get(wrong, content.getvalue())
    with pytest.raises(ValueError):
        read_npy(BytesIO(cut))
