"""OHIF shows every number of a Parametric Map on the slice that it belongs to."""

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from helpers.dicom_series import SeriesMaker, orientations, save_all

from sdseg.dicom.parametric_map import PROBABILITY, build_map
from sdseg.dicom.provenance import SegProvenance
from sdseg.dicom.seg_file import save_seg
from sdseg.dicom.series import load_series

HERE = Path(__file__).parent
PROVENANCE = SegProvenance("SDSeg toy", "1.2", "0123456789abcdef" * 4, seed=7, steps=1, preset="tiny")


def ohif_numbers(path: Path, sources: list[Path], raw: Path) -> np.ndarray:
    """Flat float32, in the order of `sources`; where OHIF's adapters are missing: skipped, but in CI failed."""
    node = shutil.which("node")
    if node is None or not (HERE / "node_modules" / ".installed").exists():
        missing = "OHIF's adapters are not installed: scripts/install-js-tools.sh does it, with Node.js and npm."
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    command = [node, "--import", (HERE / "node18.mjs").as_uri(), str(HERE / "ohif_map.mjs"), str(path), str(raw)]
    result = subprocess.run([*command, *map(str, sources)], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return np.fromfile(raw, "<f4")


@pytest.mark.parametrize("name", ["axial++", "sagittal-+-oblique"])
def test_ohif_reads_the_same_numbers(name: str, tmp_path: Path) -> None:
    # An odd number of pixels a frame: offsets in bytes and in numbers cannot be confused without notice.
    datasets = SeriesMaker(rows=21, columns=23, orientation=orientations()[name]).datasets()
    series = load_series(datasets)
    values = np.random.default_rng(3).random(series.shape).astype(np.float32)
    path = save_seg(build_map(series, values, "brain", PROBABILITY, PROVENANCE), tmp_path / "map.dcm")
    sources = sorted(save_all(list(series.datasets), tmp_path / "images").glob("*"))
    found = ohif_numbers(path, sources[::-1], tmp_path / "raw")
    np.testing.assert_array_equal(found.reshape(series.shape), values[::-1])
