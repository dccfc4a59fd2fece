"""OHIF shows every number of a Parametric Map on the slice that it belongs to."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from helpers.dicom_series import SeriesMaker, orientations, save_all
from pydicom import dcmread

from sdseg.dicom.parametric_map import PROBABILITY, build_map
from sdseg.dicom.provenance import SegProvenance
from sdseg.dicom.seg_file import save_seg
from sdseg.dicom.series import load_series

HERE = Path(__file__).parent
PROVENANCE = SegProvenance("SDSeg toy", "1.2", "0123456789abcdef" * 4, seed=7, steps=1, preset="tiny")


def ohif_numbers(path: Path, sources: list[Path], raw: Path) -> tuple[np.ndarray, list[Path]]:
    """Flat float32, and the sources in the order in which OHIF lays the numbers over them.

    Where OHIF's adapters are missing the test is skipped, but in CI, which installs them, fails.
    """
    node = shutil.which("node")
    if node is None or not (HERE / "node_modules" / ".installed").exists():
        missing = "OHIF's adapters are not installed: scripts/install-js-tools.sh does it, with Node.js and npm."
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    command = [node, "--import", (HERE / "node18.mjs").as_uri(), str(HERE / "ohif_map.mjs"), str(path), str(raw)]
    result = subprocess.run([*command, *map(str, sources)], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return np.fromfile(raw, "<f4"), [Path(name) for name in json.loads(result.stdout.splitlines()[-1])]


@pytest.mark.parametrize("name", ["axial++", "axial+-", "sagittal-+-oblique"])
def test_ohif_shows_each_number_on_its_slice(name: str, tmp_path: Path) -> None:
    series = load_series(SeriesMaker(columns=23, orientation=orientations()[name]).datasets())
    values = np.random.default_rng(3).random(series.shape).astype(np.float32)
    path = save_seg(build_map(series, values, "brain", PROBABILITY, PROVENANCE), tmp_path / "map.dcm")
    sources = sorted(save_all(list(series.datasets), tmp_path / "images").glob("*"))
    found, order = ohif_numbers(path, [sources[index] for index in (3, 0, 5, 1, 4, 2)], tmp_path / "raw")
    slices = {str(dataset.SOPInstanceUID): plane for dataset, plane in zip(series.datasets, values, strict=True)}
    for numbers, source in zip(found.reshape(series.shape), order, strict=True):
        np.testing.assert_array_equal(numbers, slices[str(dcmread(source).SOPInstanceUID)])
