"""The sample data is what its checksums, its reference mask and its README say."""

import hashlib
import subprocess
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from helpers.tools import tool

from sdseg.dicom.series import load_series


def test_checksums_match_every_file(sample_data: Path) -> None:
    lines = (sample_data / "SHA256SUMS").read_text().splitlines()
    listed = dict(reversed(line.split("  ")) for line in lines)
    folders = ("dicom", "reference", "train")
    files = [path for folder in folders for path in (sample_data / folder).iterdir()]
    assert set(listed) == {str(path.relative_to(sample_data)) for path in files}
    for name, digest in listed.items():
        assert hashlib.sha256((sample_data / name).read_bytes()).hexdigest() == digest, name


def test_series_lies_on_the_grid_of_its_reference_mask(sample_data: Path) -> None:
    series = load_series(sample_data / "dicom")
    reference = nib.load(sample_data / "reference" / "S1_brain.nii.gz")
    assert series.geometry.shape == reference.shape[::-1] == (64, 256, 256)
    np.testing.assert_allclose(series.affine, reference.affine, atol=1e-4)


def test_mask_covers_brain_and_not_air(sample_data: Path) -> None:
    """A flipped or shifted mask would cover air: brain tissue is bright in T1."""
    pixels = load_series(sample_data / "dicom").pixels()
    reference = nib.load(sample_data / "reference" / "S1_brain.nii.gz")
    mask = np.asanyarray(reference.dataobj).transpose(2, 1, 0) > 0
    assert (pixels[mask] > 20).mean() > 0.98
    for axis in (0, 1):  # left and right are too alike
        assert (pixels[np.flip(mask, axis)] > 20).mean() < 0.97


def test_only_slices_above_the_face(sample_data: Path) -> None:
    assert nib.load(sample_data / "train" / "colin27_t1.nii.gz").shape == (181, 217, 86)
    assert len(list((sample_data / "dicom").iterdir())) == 64


def test_training_pair_shares_one_grid(sample_data: Path) -> None:
    image, mask = (nib.load(sample_data / "train" / f"colin27_{kind}.nii.gz") for kind in ("t1", "brain"))
    assert image.shape == mask.shape
    np.testing.assert_array_equal(image.affine, mask.affine)
    assert set(np.unique(np.asanyarray(mask.dataobj))) == {0, 1}


@pytest.mark.parametrize("name", ["dciodvfy", "dcentvfy"])
def test_validators_find_no_error(sample_data: Path, name: str) -> None:
    files = sorted(map(str, (sample_data / "dicom").iterdir()))
    batches = [files] if name == "dcentvfy" else [[file] for file in files]
    for batch in batches:
        result = subprocess.run([tool(name), *batch], capture_output=True, text=True, check=False)
        assert "Error" not in result.stdout + result.stderr
