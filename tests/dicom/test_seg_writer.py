"""The SEG is where its images are, says what it is, and passes other people's readers."""

import logging
import re
import subprocess
import warnings
from collections import Counter
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from helpers.dicom_series import SeriesMaker, orientations, save_all
from helpers.tools import assert_valid, dcmqi_counts, tool
from highdicom.color import CIELabColor
from highdicom.seg import segread
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from sdseg.dicom.seg_reader import read_seg
from sdseg.dicom.seg_writer import SegProvenance, build_seg, save_seg
from sdseg.dicom.series import Series, load_series
from sdseg.errors import EmptySegmentationError, InputError, LabelError

LABELS = {"liver": 1, "right kidney": 2}
Mask = NDArray[np.uint8]


@pytest.mark.parametrize("name", orientations())
def test_every_orientation_survives(name: str, mask: Mask, provenance: SegProvenance, tmp_path: Path) -> None:
    series = load_series(SeriesMaker(orientation=orientations()[name]).datasets()[::-1])
    path = save_seg(build_seg(series, mask, LABELS, provenance), tmp_path / "seg.dcm")
    assert_valid(path)
    found, labels = read_seg(path, series)
    np.testing.assert_array_equal(found, mask)
    assert labels == LABELS
    by_uid = {dataset.SOPInstanceUID: dataset for dataset in series.datasets}
    stored = dcmread(path)
    for item in stored.PerFrameFunctionalGroupsSequence:
        source = item.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
        position = item.PlanePositionSequence[0].ImagePositionPatient
        np.testing.assert_allclose(position, by_uid[source].ImagePositionPatient, atol=1e-3)
    volume = segread(path).get_volume(combine_segments=True)  # a reader that is not ours
    assert Counter(volume.array.ravel().tolist())[2] == (mask == 2).sum()


@pytest.mark.parametrize("name", ["axial++", "coronal+-", "sagittal-+-oblique"])
def test_dcmqi_sees_the_same_voxels(name: str, mask: Mask, provenance: SegProvenance, tmp_path: Path) -> None:
    series = load_series(SeriesMaker(orientation=orientations()[name]).datasets())
    path = save_seg(build_seg(series, mask, LABELS, provenance), tmp_path / "seg.dcm")
    counts = dcmqi_counts(path, tmp_path)
    assert counts == {"liver": (mask == 1).sum(), "right kidney": (mask == 2).sum()}


@pytest.mark.parametrize(("rows", "columns"), [(13, 21), (7, 9), (16, 16)])
def test_frames_that_are_no_whole_bytes(rows: int, columns: int, provenance: SegProvenance, tmp_path: Path) -> None:
    series = load_series(SeriesMaker(rows=rows, columns=columns).datasets())
    mask = (np.random.default_rng(1).random((6, rows, columns)) > 0.7).astype(np.uint8)
    path = save_seg(build_seg(series, mask, {"brain": 1}, provenance), tmp_path / "seg.dcm")
    assert_valid(path)
    np.testing.assert_array_equal(read_seg(path, series)[0], mask)
    assert dcmqi_counts(path, tmp_path) == {"brain": mask.sum()}


def test_sample_series_with_its_reference(sample_data: Path, provenance: SegProvenance, tmp_path: Path) -> None:
    series = load_series(sample_data / "dicom")
    reference = np.asanyarray(nib.load(sample_data / "reference" / "S1_brain.nii.gz").dataobj)
    mask = reference.transpose(2, 1, 0)
    path = save_seg(build_seg(series, mask, {"brain": 1}, provenance), tmp_path / "seg.dcm")
    assert_valid(path)
    assert dcmqi_counts(path, tmp_path) == {"brain": mask.sum()}
    names = [*map(str, sorted((sample_data / "dicom").iterdir())), str(path)]
    result = subprocess.run([tool("dcentvfy"), *names], capture_output=True, text=True, check=False)
    assert "Error" not in result.stdout + result.stderr


def test_only_frames_with_voxels_are_stored(mask: Mask, provenance: SegProvenance) -> None:
    seg = build_seg(load_series(SeriesMaker().datasets()), mask, LABELS, provenance)
    assert seg.NumberOfFrames == 4 + 2


def test_segment_carries_code_side_colour_and_provenance(mask: Mask, provenance: SegProvenance) -> None:
    provenance = replace(provenance, extra={"threshold": "0.5, fixed"})
    seg = build_seg(load_series(SeriesMaker().datasets()), mask, LABELS, provenance)
    liver, kidney = seg.SegmentSequence
    assert liver.SegmentedPropertyTypeCodeSequence[0].CodeValue == "10200004"
    code = kidney.SegmentedPropertyTypeCodeSequence[0]
    assert (code.CodeValue, code.CodeMeaning) == ("64033007", "Kidney")
    side = code.SegmentedPropertyTypeModifierCodeSequence[0]
    assert (side.CodeValue, side.CodingSchemeDesignator, side.CodeMeaning) == ("24028007", "SCT", "Right")
    assert list(liver.RecommendedDisplayCIELabValue) == list(CIELabColor.from_rgb(221, 130, 101).value)
    assert liver.SegmentAlgorithmType == "AUTOMATIC"
    algorithm = liver.SegmentationAlgorithmIdentificationSequence[0]
    family = algorithm.AlgorithmFamilyCodeSequence[0]
    assert (family.CodeValue, family.CodingSchemeDesignator) == ("123110", "DCM")
    assert (algorithm.AlgorithmName, algorithm.AlgorithmVersion) == ("SDSeg toy", "1.2")
    assert algorithm.AlgorithmParameters == (
        f"weights_sha256={provenance.weights_sha256},seed=7,steps=1,preset=tiny,threshold=0.5 fixed"
    )
    assert liver.TrackingID != kidney.TrackingID and liver.TrackingUID != kidney.TrackingUID
    purposes = [item.PurposeOfReferenceCodeSequence[0].CodeValue for item in seg.ContributingEquipmentSequence]
    assert "109102" in purposes and "109101" in purposes  # processing, acquisition
    assert seg.ContentCreatorName == "SDSeg toy^"
    assert seg.SeriesDescription == "SDSeg toy 1.2: liver, right kidney"
    assert seg.SeriesNumber >= 10_000


def test_patient_and_study_are_those_of_the_images(mask: Mask, provenance: SegProvenance) -> None:
    datasets = SeriesMaker().datasets()
    datasets[0].IssuerOfPatientID, datasets[0].StudyDescription = "HOSPITAL", "Abdomen"
    seg = build_seg(load_series(datasets), mask, LABELS, provenance)
    kept = ("PatientID", "PatientName", "PatientSex", "StudyInstanceUID", "StudyID", "AccessionNumber")
    for keyword in (*kept, "StudyDate", "IssuerOfPatientID", "StudyDescription", "FrameOfReferenceUID"):
        assert seg[keyword].value == datasets[0][keyword].value, keyword
    assert seg.SeriesInstanceUID != datasets[0].SeriesInstanceUID
    assert seg.ReferencedSeriesSequence[0].SeriesInstanceUID == datasets[0].SeriesInstanceUID


def test_same_result_is_the_same_object(mask: Mask, provenance: SegProvenance) -> None:
    made = datetime(2026, 1, 2, 3, 4, 5)

    def build(datasets: list, mask: Mask = mask, labels: dict = LABELS, **changes: str) -> Dataset:
        return build_seg(load_series(datasets), mask, labels, replace(provenance, **changes), created=made)

    first, again = build(SeriesMaker().datasets()), build(SeriesMaker().datasets()[::-1])
    assert first == again
    other_mask = mask.copy()
    other_mask[1, 0, 0] = 1
    for other in (
        build(SeriesMaker().datasets(), mask=other_mask),
        build(SeriesMaker().datasets(), weights_sha256="f" * 64),
        build(SeriesMaker().datasets(), preset="large"),
        build(SeriesMaker().datasets(), labels={"spleen": 1, "right kidney": 2}),
        build(SeriesMaker(name="other").datasets()),
    ):
        assert other.SOPInstanceUID != first.SOPInstanceUID
        assert other.SeriesInstanceUID != first.SeriesInstanceUID
    assert re.fullmatch(r"2\.25\.[1-9]\d{0,38}", first.SOPInstanceUID)


def test_labelmap_on_request(mask: Mask, provenance: SegProvenance, tmp_path: Path) -> None:
    """One frame a slice, a described background, UIDs of its own; the rest as BINARY says it."""
    series = load_series(SeriesMaker().datasets())
    binary = build_seg(series, mask, LABELS, provenance)
    seg = build_seg(series, mask, LABELS, provenance, segmentation_type="LABELMAP")
    assert_valid(save_seg(seg, tmp_path / "seg.dcm"))
    assert (seg.SOPClassUID, seg.SegmentationType) == ("1.2.840.10008.5.1.4.1.1.66.7", "LABELMAP")
    assert seg.NumberOfFrames == 4 and seg.BitsAllocated == 8
    background, *segments = seg.SegmentSequence
    assert background.SegmentNumber == 0
    assert background.SegmentedPropertyTypeCodeSequence[0].CodeValue == "125040"
    for one, other in zip(segments, binary.SegmentSequence, strict=True):
        assert one.TrackingUID != other.TrackingUID
        one.TrackingID, one.TrackingUID = other.TrackingID, other.TrackingUID
        assert one == other
    assert seg.SOPInstanceUID != binary.SOPInstanceUID and seg.SeriesInstanceUID != binary.SeriesInstanceUID
    np.testing.assert_array_equal(read_seg(seg, series)[0], mask)
    with pytest.raises(InputError, match="FRACTIONAL"):
        build_seg(series, mask, LABELS, provenance, segmentation_type="FRACTIONAL")  # type: ignore[arg-type]


def test_a_corrected_patient_gets_a_new_object(mask: Mask, provenance: SegProvenance) -> None:
    """Archives keep the old object under a known UID, so a reconciled patient must not meet one."""

    def uid(**changes: str) -> str:
        datasets = SeriesMaker().datasets()
        for dataset in datasets:
            for keyword, value in changes.items():
                setattr(dataset, keyword, value)
        return str(build_seg(load_series(datasets), mask, LABELS, provenance).SOPInstanceUID)

    found = [uid(), uid(PatientID="X"), uid(PatientName="Right^Name"), uid(AccessionNumber="B2")]
    assert len(set(found)) == 4 and uid() == found[0]


def test_values_need_not_be_contiguous_and_an_empty_class_is_reported(
    mask: Mask, provenance: SegProvenance, caplog: pytest.LogCaptureFixture
) -> None:
    series = load_series(SeriesMaker().datasets())
    values = np.array([0, 4, 9])[mask]
    with caplog.at_level(logging.WARNING):
        seg = build_seg(series, values, {"spleen": 9, "liver": 4, "aorta": 2}, provenance)
    assert "aorta" in caplog.text
    assert [item.SegmentLabel for item in seg.SegmentSequence] == ["liver", "spleen"]
    parameters = seg.SegmentSequence[0].SegmentationAlgorithmIdentificationSequence[0].AlgorithmParameters
    assert parameters.endswith("not_found=aorta")
    found, labels = read_seg(seg, series)
    assert labels == {"liver": 1, "spleen": 2}
    np.testing.assert_array_equal(found, mask)


def test_person_edited_mask(mask: Mask, provenance: SegProvenance) -> None:
    series = load_series(SeriesMaker().datasets())
    seg = build_seg(
        series,
        mask,
        LABELS,
        provenance,
        edited=True,
        series_number=77,
        series_description="Corrected",
        content_creator_name="Müller^Anna",
    )
    assert seg.SegmentSequence[0].SegmentAlgorithmType == "SEMIAUTOMATIC"
    assert (seg.SeriesNumber, seg.SeriesDescription) == (77, "Corrected")
    assert seg.ContentCreatorName == "Müller^Anna" and seg.SpecificCharacterSet == "ISO_IR 192"
    for bad in ("^", "a\\b", "A^B^C^D^E^F", "x" * 65, "two\nlines"):
        assert build_seg(series, mask, LABELS, provenance, content_creator_name=bad).ContentCreatorName == ""


def test_mask_drawn_by_a_person_alone(mask: Mask, tmp_path: Path) -> None:
    series = load_series(SeriesMaker().datasets())
    seg = build_seg(series, mask, LABELS, None)
    for segment in seg.SegmentSequence:
        assert segment.SegmentAlgorithmType == "MANUAL"
        assert "SegmentAlgorithmName" not in segment
        assert "SegmentationAlgorithmIdentificationSequence" not in segment
    assert "latent diffusion" not in str(seg)
    assert_valid(save_seg(seg, tmp_path / "seg.dcm"))
    np.testing.assert_array_equal(read_seg(seg, series)[0], mask)


def test_mask_that_does_not_fit_is_refused(mask: Mask, provenance: SegProvenance) -> None:
    series = load_series(SeriesMaker().datasets())
    for labelmap, labels, expected in [
        (mask[:5], LABELS, r"\(5, 20, 24\).*\(6, 20, 24\)"),
        (mask.transpose(2, 1, 0), LABELS, r"\(24, 20, 6\)"),
        (mask, {"liver": 1}, "holds the value 2"),
        (mask.astype(np.int16) - 1, LABELS, "holds the value -1"),
        (mask.astype(float), LABELS, "float64"),
        (mask, {"liver": 1, "lever": 2}, "lever.*liver"),
        (mask, {"liver": 1, "spleen": 1}, "share a value"),
        (mask, {"liver": 0, "spleen": 1}, "value 0"),
        (mask, {"liver": 256}, "value 256"),
        (mask, {}, "No labels"),
    ]:
        with pytest.raises(LabelError, match=expected) as caught:
            build_seg(series, labelmap, labels, provenance)
        assert "\n" not in str(caught.value)
    with pytest.raises(EmptySegmentationError, match=r"liver, right kidney.*no DICOM SEG"):
        build_seg(series, np.zeros_like(mask), LABELS, provenance)


@pytest.mark.parametrize(
    "changes",
    [{"weights_sha256": "abc"}, {"algorithm_name": ""}, {"algorithm_name": "x" * 65}, {"algorithm_version": "1\\2"}],
)
def test_provenance_is_valid_or_not_built(changes: dict, provenance: SegProvenance) -> None:
    with pytest.raises(InputError, match=next(iter(changes))):
        replace(provenance, **changes)


def spoil(dataset: Dataset) -> None:
    """Optional attributes as bad headers have them, raw as from a file."""
    raw = {
        "PatientBirthDate": ("DA", b"1950/01/01"),
        "PatientSex": ("CS", b"X"),
        "PatientAge": ("AS", b"seventy"),
        "PatientWeight": ("DS", b"heavy "),
        "StudyTime": ("TM", b"25:61:00"),
        "StudyDescription": ("LO", b"d" * 90),
        "ReferringPhysicianName": ("PN", b"x" * 70),
        "InstitutionName": ("LO", b"i" * 90),
        "AcquisitionDateTime": ("DT", b"yesterday "),
        "SliceThickness": ("DS", b"thin"),
    }
    for keyword, (vr, content) in raw.items():
        tag = Tag(keyword)
        dataset._dict[tag] = RawDataElement(tag, vr, len(content), content, 0, False, True, True)
    item = Dataset()
    item.StudyDate = "20240102"
    item._dict[Tag("ReferencedSOPClassUID")] = RawDataElement(
        Tag("ReferencedSOPClassUID"), "UI", 6, b"1.2.x.", 0, False, True, True
    )
    dataset.ReferencedStudySequence = [item]


@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
def test_bad_optional_attributes_do_not_cost_the_result(
    mask: Mask, provenance: SegProvenance, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    datasets = SeriesMaker().datasets()
    for dataset in datasets:
        spoil(dataset)
        del dataset.AccessionNumber, dataset.StudyID
    series = load_series(datasets)
    with caplog.at_level(logging.WARNING):
        path = save_seg(build_seg(series, mask, LABELS, provenance), tmp_path / "seg.dcm")
    assert_valid(path)
    stored = dcmread(path)
    assert stored.PatientID == "SYNTH-1" and stored.PatientName == "SECRET^NAME"
    assert stored.PatientSex == "" and "PatientAge" not in stored
    assert "(0010,1010)" in caplog.text
    np.testing.assert_array_equal(read_seg(path, series)[0], mask)


@pytest.mark.parametrize(
    ("name", "character_set", "stored_set"),
    [
        ("SECRET", "ISO_IR 100", "ISO_IR 100"),  # highdicom warns about a lone name, and shows it
        ("Secret^Bärbel", "ISO_IR 100", "ISO_IR 100"),
        ("Secret^Ünal", "ISO_IR 192", "ISO_IR 192"),
        ("SECRET^ASCII", None, None),
        ("Yamada^Tarou=山田^太郎", ["", "ISO 2022 IR 87"], "ISO_IR 192"),
        ("SECRET^X", "NONSENSE", "ISO_IR 192"),
    ],
)
def test_names_and_character_sets(
    name: str,
    character_set: str | list[str] | None,
    stored_set: str | None,
    mask: Mask,
    provenance: SegProvenance,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    datasets = SeriesMaker().datasets()
    for dataset in datasets:
        dataset.PatientName = name
        dataset.SpecificCharacterSet = character_set
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        series = load_series(save_all(datasets, tmp_path / "series"))
        path = save_seg(build_seg(series, mask, LABELS, provenance), tmp_path / "seg.dcm")
    shown = caplog.text + " ".join(str(warning.message) for warning in caught)
    assert not any(part in shown for part in re.split(r"[\^=]", name) if len(part) > 1), shown
    stored = dcmread(path)
    assert str(stored.PatientName) == name
    assert stored.get("SpecificCharacterSet") == stored_set


def test_orientation_jitter_does_not_stop_the_seg(mask: Mask, provenance: SegProvenance) -> None:
    datasets = SeriesMaker().datasets()
    datasets[1].ImageOrientationPatient = [1, 1e-8, 0, 0, 1, 0]
    series = load_series(datasets)
    np.testing.assert_array_equal(read_seg(build_seg(series, mask, LABELS, provenance), series)[0], mask)


def test_lossy_source_is_declared(mask: Mask, provenance: SegProvenance) -> None:
    datasets = SeriesMaker().datasets()
    for dataset in datasets:
        dataset.LossyImageCompression, dataset.LossyImageCompressionRatio = "01", 12.5
    seg = build_seg(load_series(datasets), mask, LABELS, provenance)
    assert seg.LossyImageCompression == "01" and seg.LossyImageCompressionRatio == 12.5


def test_saving_is_whole_or_not_at_all(
    mask: Mask, provenance: SegProvenance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seg = build_seg(load_series(SeriesMaker().datasets()), mask, LABELS, provenance)
    path = tmp_path / "seg.dcm"
    path.write_bytes(b"old")

    def full_disk(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", full_disk)
        with pytest.raises(InputError, match="No space left"):
            save_seg(seg, path)
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]
    save_seg(seg, path)
    assert list(tmp_path.iterdir()) == [path]
    assert dcmread(path).PixelData == seg.PixelData
    with pytest.raises(InputError, match="cannot be written"):
        save_seg(seg, tmp_path / "nowhere" / "seg.dcm")


def test_series_on_disk_is_not_changed_by_building(ct_folder: Path, mask: Mask, provenance: SegProvenance) -> None:
    """Neither while it is built nor when the SEG is edited later: they share no elements."""
    for path in ct_folder.iterdir():
        dataset = dcmread(path)
        dataset.PatientSex = "X"
        dataset.save_as(path)
    series: Series = load_series(ct_folder)
    before = [str(dataset) for dataset in series.datasets]
    seg = build_seg(series, mask, LABELS, provenance)
    for element in seg:
        if element.VR != "SQ":
            element.value = None
    assert [str(dataset) for dataset in series.datasets] == before
