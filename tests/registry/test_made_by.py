"""The SEGs that weights made, found again in a real archive."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
from helpers.dicom_series import SeriesMaker
from helpers.orthanc import orthanc

from sdseg.dicom.provenance import SegProvenance
from sdseg.dicom.seg_writer import build_seg
from sdseg.dicom.series import load_series
from sdseg.errors import InputError
from sdseg.pacs.archive import Archive, open_archive
from sdseg.pacs.deliver import store_segmentation
from sdseg.registry.made_by import segmentations_by

GOOD, BAD = "a1" * 32, "b2" * 32


@pytest.fixture
def segs(tmp_path: Path) -> list[pydicom.Dataset]:
    """One by the good weights, two by the bad ones, of which a person edited one, and one that a person drew."""
    series = load_series(SeriesMaker(modality="MR").save(tmp_path / "studies" / "mr"))
    made = []
    for number, weights in enumerate((GOOD, BAD, BAD, None)):
        mask = np.zeros(series.shape, np.uint8)
        mask[1:3, 4 : 6 + number, 5:9] = 1
        told = SegProvenance("SDSeg tiny", "0.1", weights, 0, 1, "tiny") if weights else None
        made.append(build_seg(series, mask, {"brain": 1}, told, edited=number == 2))
    return made


def check(archive: Archive, segs: list[pydicom.Dataset]) -> None:
    for seg in segs:
        store_segmentation(archive, seg)
    found = list(segmentations_by(archive, BAD[:12]))
    assert {each.sop_uid for each in found} == {str(seg.SOPInstanceUID) for seg in segs[1:3]}
    assert {each.edited for each in found} == {False, True}
    assert {(each.study_uid, each.weights_sha256, each.structures) for each in found} == {
        (str(segs[0].StudyInstanceUID), BAD, ("brain",))
    }
    (good,) = segmentations_by(archive, GOOD)
    assert good.series_uid == segs[0].SeriesInstanceUID
    assert good.made.replace("-", "").startswith(str(segs[0].ContentDate)) and "T" in good.made
    assert not list(segmentations_by(archive, "c" * 64))
    name = str(segs[0].PatientID)
    assert name and name not in repr(found)


def test_in_a_folder(tmp_path: Path, segs: list[pydicom.Dataset]) -> None:
    check(open_archive(str(tmp_path / "studies")), segs)


def test_in_orthanc(tmp_path: Path, segs: list[pydicom.Dataset]) -> None:
    with orthanc(tmp_path / "orthanc") as server:
        check(open_archive(server.web), segs)


@pytest.mark.parametrize("weights", ["", "base", "abc", "xyz" * 8, "a" * 65])
def test_digits_that_are_none(tmp_path: Path, weights: str) -> None:
    with pytest.raises(InputError, match="8 to 64 hexadecimal digits"):
        segmentations_by(open_archive(str(tmp_path)), weights)
