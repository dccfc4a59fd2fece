"""What 3D Slicer (dcmqi) and OHIF really write is read voxel by voxel."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from helpers.dicom_series import SeriesMaker, orientations
from numpy.typing import NDArray
from oracles.cases import mask_of
from oracles.external import ohif
from oracles.foreign import dcmqi_seg, ohif_job
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian, RLELossless

from sdseg.dicom.seg_reader import read_seg
from sdseg.dicom.series import Series, load_series
from sdseg.errors import LabelError

NAMES = ("liver", "spleen", "gallbladder")
LABELS = {"liver": 1, "spleen": 2, "gallbladder": 3}
# Rows and columns: whole bytes in a frame, and not; 12 frames of 63 bits have the length of 12 times 8 bytes.
SHAPES = {"whole bytes": (6, 20, 24), "no whole bytes": (5, 7, 11), "either way": (5, 7, 9)}
OHIF_KINDS = list(itertools.product(("BINARY", "LABELMAP"), (ExplicitVRLittleEndian, RLELossless)))


def series_of(shape: tuple[int, int, int], orientation: str, folder: Path) -> tuple[Series, list[Path]]:
    SeriesMaker(*shape, orientation=orientations()[orientation]).save(folder)
    series = load_series(folder)
    return series, [Path(str(dataset.filename)) for dataset in series.datasets]  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", ["binary", "labelmap"])
@pytest.mark.parametrize("compress", ["none", "deflate"])
@pytest.mark.parametrize("shape", SHAPES)
def test_slicer(kind: str, compress: str, shape: str, tmp_path: Path) -> None:
    for orientation in ("axial++", "coronal-+-oblique", "sagittal--"):
        series, sources = series_of(SHAPES[shape], orientation, tmp_path / orientation)
        mask = mask_of(SHAPES[shape], "one frame" if orientation == "sagittal--" else "scattered")
        options = ["--segmentationType", kind, "--compress", compress, "--skip", "1"]
        seg = dcmqi_seg(series, sources, mask, NAMES, options, tmp_path / f"{orientation}.dcm")
        found, labels = read_seg(seg, series, LABELS)
        assert labels == LABELS
        np.testing.assert_array_equal(found, mask)


@pytest.fixture(scope="module")
def by_ohif(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str, str], tuple[Path, Series, NDArray]]:
    """SEGs by OHIF for every shape, segmentation type and transfer syntax, written in one process."""
    folder = tmp_path_factory.mktemp("ohif")
    jobs, made = [], {}
    for shape, orientation in zip(SHAPES, ("coronal+-", "sagittal-+-oblique", "axial--"), strict=True):
        series, sources = series_of(SHAPES[shape], orientation, folder / shape)
        mask = mask_of(SHAPES[shape], "scattered")
        mask[1] = 0
        for kind, syntax in OHIF_KINDS:
            seg = folder / f"{shape} {kind} {syntax.name}.dcm"
            jobs.append(ohif_job(sources, mask, NAMES, kind, syntax, seg))
            made[shape, kind, syntax.name] = (seg, series, mask)
    answers = ohif(jobs)
    assert not any(answers), answers
    return made


@pytest.mark.parametrize(("kind", "syntax"), OHIF_KINDS, ids=lambda value: str(getattr(value, "name", value)))
@pytest.mark.parametrize("shape", SHAPES)
def test_ohif(
    shape: str, kind: str, syntax: str, by_ohif: dict[tuple[str, str, str], tuple[Path, Series, NDArray]]
) -> None:
    seg, series, mask = by_ohif[shape, kind, syntax.name]  # type: ignore[attr-defined]
    stored = dcmread(seg)
    assert (stored.SegmentationType, stored.file_meta.TransferSyntaxUID) == (kind, syntax)
    if (shape, kind, syntax) == ("either way", "BINARY", ExplicitVRLittleEndian):
        with pytest.raises(LabelError, match="two ways"):
            read_seg(seg, series)
        return
    found, labels = read_seg(seg, series)
    assert labels == LABELS
    np.testing.assert_array_equal(found, mask)
