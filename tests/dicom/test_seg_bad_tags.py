"""One bad optional attribute of a source never stops a delivery: nonsense in every standard attribute there is."""

import logging
from pathlib import Path

import numpy as np
import pytest
from helpers.dicom_series import SeriesMaker
from helpers.tools import assert_valid
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.datadict import DicomDictionary, dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag, Tag

from sdseg.dicom.seg_reader import read_seg
from sdseg.dicom.seg_writer import SegProvenance, build_seg, save_seg
from sdseg.dicom.series import load_series
from sdseg.dicom.source_patient import IDENTITY

GROUPS = (0x0008, 0x0010, 0x0012, 0x0018, 0x0020, 0x0032, 0x0038, 0x0040, 0x0088)
REQUIRED = {
    Tag(keyword)
    for keyword in (
        "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "Modality",
        "ImagePositionPatient", "ImageOrientationPatient", "ImageType", "ConcatenationUID", *IDENTITY,
    )
}  # fmt: skip
"""Whose image it is, of what kind, and where it lies."""
OPTIONAL = sorted(Tag(tag) for tag in DicomDictionary if tag >> 16 in GROUPS and Tag(tag) not in REQUIRED)
# As bytes in the file, whatever the VR.
NONSENSE = {
    "text": b"nonsense, with a comma ",
    "too long": b"x" * 200,
    "control characters": b"\x00\x01\x1b[31m\xff\xfe\r\n",
    "not of the character set": "Ünïcödé 患者 ".encode(),
    "many values": b"1\\2\\3\\4\\5\\6\\7\\",
    "numbers": b"1e999999 ",
    "empty": b"",
    "spaces": b"    ",
    "odd bytes": b"\x01\x02\x03",
}


def put(dataset: Dataset, tag: BaseTag, content: bytes) -> None:
    """Raw, as read from a file."""
    vr = dictionary_VR(tag)
    dataset._dict[tag] = RawDataElement(tag, vr if len(vr) == 2 else "LO", len(content), content, 0, False, True, True)


def check(datasets: list, mask: NDArray[np.uint8], provenance: SegProvenance, folder: Path) -> Dataset:
    """The SEG is made, valid, and holds the mask."""
    series = load_series(datasets)
    path = save_seg(build_seg(series, mask, {"liver": 1, "spleen": 2}, provenance), folder / "seg.dcm")
    assert_valid(path)
    np.testing.assert_array_equal(read_seg(path, series)[0], mask)
    return dcmread(path)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("what", NONSENSE)
@pytest.mark.parametrize("where", ["one slice", "all slices"])
def test_nonsense_in_every_optional_attribute(
    where: str,
    what: str,
    mask: NDArray[np.uint8],
    provenance: SegProvenance,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    datasets = SeriesMaker().datasets()
    for dataset in datasets if where == "all slices" else datasets[:1]:
        for tag in OPTIONAL:
            put(dataset, tag, NONSENSE[what])
    with caplog.at_level(logging.INFO):
        stored = check(datasets, mask, provenance, tmp_path)
    assert stored.PatientID == "SYNTH-1"
    assert "SECRET" not in caplog.text and "患者" not in caplog.text


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("content", [b"", b"x" * 100, b"A\\B\\C ", "Ü患".encode(), b"1/2:3*? "], ids=repr)
@pytest.mark.parametrize("keyword", ["PatientName", "StudyID", "AccessionNumber", "IssuerOfPatientID"])
def test_odd_identity_is_kept_as_it_is(
    keyword: str, content: bytes, mask: NDArray[np.uint8], provenance: SegProvenance, tmp_path: Path
) -> None:
    """An archive finds the SEG beside its images, however they are named."""
    datasets = SeriesMaker().datasets()
    for dataset in datasets:
        dataset.SpecificCharacterSet = "ISO_IR 192"
        put(dataset, Tag(keyword), content)
    series = load_series(datasets)
    path = save_seg(build_seg(series, mask, {"liver": 1, "spleen": 2}, provenance), tmp_path / "seg.dcm")
    stored = dcmread(path)
    assert str(stored.get(keyword, "")) == str(datasets[0][keyword].value or "")
    np.testing.assert_array_equal(read_seg(path, series)[0], mask)


def test_good_attributes_are_copied(mask: NDArray[np.uint8], provenance: SegProvenance, tmp_path: Path) -> None:
    good = {
        "PatientAge": "057Y", "PatientWeight": 81.5, "PatientComments": "two\r\nlines",
        "StudyDescription": "Abdomen", "AdmissionID": "A77", "InstitutionName": "Hospital",
        "PatientIdentityRemoved": "YES", "DeidentificationMethod": "by hand",
        "BodyPartExamined": "ABDOMEN", "ClinicalTrialSponsorName": "Sponsor", "ClinicalTrialProtocolID": "P",
        "ClinicalTrialSubjectID": "S", "ClinicalTrialTimePointID": "T1",
    }  # fmt: skip
    procedure = Dataset()
    procedure.CodeValue, procedure.CodingSchemeDesignator, procedure.CodeMeaning = "1", "99LOCAL", "Abdomen"
    datasets = SeriesMaker().datasets()
    for dataset in datasets:
        for keyword, value in good.items():
            setattr(dataset, keyword, value)
        dataset.ProcedureCodeSequence = [procedure]
    stored = check(datasets, mask, provenance, tmp_path)
    scanner = good.pop("InstitutionName")
    assert [stored[keyword].value for keyword in good] == list(good.values())
    assert stored.ProcedureCodeSequence[0] == procedure
    assert scanner in [item.get("InstitutionName") for item in stored.ContributingEquipmentSequence]


def test_body_part_only_where_all_images_agree(
    mask: NDArray[np.uint8], provenance: SegProvenance, tmp_path: Path
) -> None:
    datasets = SeriesMaker().datasets()
    for dataset in datasets:
        dataset.Laterality, dataset.BodyPartExamined = "L", "KNEE"
    stored = check(datasets, mask, provenance, tmp_path)
    assert stored.BodyPartExamined == "KNEE" and "Laterality" not in stored
    datasets[4].BodyPartExamined = "HIP"
    assert "BodyPartExamined" not in check(datasets, mask, provenance, tmp_path)
