"""A SEG written frame by frame is the one built in memory."""

from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from helpers.dicom_series import SeriesMaker
from pydicom import dcmread

from sdseg.dicom import seg_writer
from sdseg.dicom.seg_check import encoded
from sdseg.dicom.seg_reader import read_seg
from sdseg.dicom.seg_writer import SegProvenance, build_seg, write_seg
from sdseg.dicom.series import load_series
from sdseg.errors import LabelError
from sdseg.volume.compact import CompactLabelmap

LABELS = {"liver": 2, "spleen": 1, "stomach": 5}
CREATED = datetime(2024, 1, 2, 3, 4, 5)


def compact(mask: np.ndarray, axis: int) -> CompactLabelmap:
    """(slices, rows, columns) in parts of three along an axis of (i, j, k)."""
    found, turned = CompactLabelmap(mask.shape[::-1]), mask.transpose(2, 1, 0)
    for start in range(0, turned.shape[axis], 3):
        found.put(np.take(turned, range(start, min(start + 3, turned.shape[axis])), axis), axis, start)
    return found


@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP"])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_file_is_what_build_seg_builds(tmp_path: Path, kind: str, axis: int, provenance: SegProvenance) -> None:
    folder = SeriesMaker(slices=20, rows=13, columns=11).save(tmp_path / "series")  # frames begin within bytes
    mask = np.random.default_rng(3).choice([0, 1, 5], (20, 13, 11)).astype(np.uint8)
    mask[[2, 3, 4, 19]] = 0
    series = load_series(folder, pixels="later")
    asked = {"created": CREATED, "segmentation_type": kind}
    uid = write_seg(tmp_path / "seg.dcm", series, compact(mask, axis), LABELS, provenance, **asked)
    stored, built = (
        dcmread(tmp_path / "seg.dcm"),
        encoded(build_seg(load_series(folder), mask, LABELS, provenance, **asked)),
    )
    assert stored == built and uid == built.SOPInstanceUID
    np.testing.assert_array_equal(read_seg(stored, series, LABELS)[0], mask)


def test_a_wrong_file_gets_no_name(tmp_path: Path, provenance: SegProvenance, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = SeriesMaker(slices=4).save(tmp_path / "series")
    mask = np.ones((4, 20, 24), np.uint8)
    monkeypatch.setattr(seg_writer, "pixel_data", lambda planes, frames: [b"\0" * (4 * 20 * 24 // 8)])
    with pytest.raises(LabelError, match="holds another slice"):
        write_seg(tmp_path / "seg.dcm", load_series(folder), compact(mask, 2), LABELS, provenance)
    assert [path.name for path in tmp_path.iterdir()] == ["series"]
