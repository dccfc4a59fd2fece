"""A Parametric Map lies where its images lie, says what its numbers are, and passes other people's readers."""

import subprocess
import warnings
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import highdicom as hd
import nibabel as nib
import numpy as np
import pytest
from helpers.dicom_enhanced import EnhancedMaker
from helpers.dicom_pictures import PictureMaker
from helpers.dicom_series import SeriesMaker, orientations, save_all
from helpers.tools import assert_valid, tool
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from sdseg.dicom.parametric_map import DISAGREEMENT, PROBABILITY, Quantity, build_map, over
from sdseg.dicom.parametric_map_check import check_map
from sdseg.dicom.seg_file import save_seg
from sdseg.dicom.seg_writer import SegProvenance
from sdseg.dicom.series import Series, load_series
from sdseg.errors import GeometryError, LabelError

Values = NDArray[np.float32]
CREATED = datetime(2026, 1, 2, 3, 4, 5)


def values(shape: tuple[int, int, int] = (6, 20, 24), largest: float = 1.0) -> Values:
    """(slices, rows, columns), no two alike."""
    return (np.random.default_rng(3).random(shape) * largest).astype(np.float32)


@pytest.fixture
def made(provenance: SegProvenance) -> tuple[Series, Values, Dataset]:
    series, numbers = load_series(SeriesMaker().datasets()[::-1]), values()
    return series, numbers, build_map(series, numbers, "left kidney", PROBABILITY, over(provenance, 4), created=CREATED)


@pytest.mark.parametrize("name", orientations())
def test_every_orientation_survives(name: str, provenance: SegProvenance, tmp_path: Path) -> None:
    series = load_series(SeriesMaker(orientation=orientations()[name]).datasets()[::-1])
    numbers = values()
    path = save_seg(build_map(series, numbers, "liver", PROBABILITY, provenance), tmp_path / "map.dcm")
    assert_valid(path)
    volume = hd.imread(path).get_volume(apply_real_world_transform=True)  # a reader that is not ours
    lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ series.affine
    index = np.array([[2, 11, 17, 1], [0, 0, 0, 1], [5, 19, 3, 1]]).T  # slices, rows, columns
    for k, row, column in index[:3].T:
        where = np.linalg.inv(volume.affine) @ lps @ [column, row, k, 1]
        np.testing.assert_allclose(where, np.round(where), atol=1e-3)
        assert volume.array[tuple(np.round(where[:3]).astype(int))] == pytest.approx(numbers[k, row, column])


@pytest.mark.parametrize("name", ["axial++", "coronal+-", "sagittal-+-oblique"])
@pytest.mark.parametrize("maker", [SeriesMaker, EnhancedMaker])
def test_slicers_reader_sees_the_same_numbers_at_the_same_place(
    maker: Callable[..., SeriesMaker], name: str, provenance: SegProvenance, tmp_path: Path
) -> None:
    series = load_series(maker(orientation=orientations()[name], modality="MR").datasets())
    path = save_seg(build_map(series, values(), "brain", PROBABILITY, provenance), tmp_path / "map.dcm")
    assert_valid(path)
    command = [tool("paramap2itkimage"), "--inputDICOM", str(path), "--outputDirectory", str(tmp_path), "-t", "nii"]
    subprocess.run(command, check=True, capture_output=True)
    image = nib.load(tmp_path / "pmap.nii.gz")
    np.testing.assert_array_equal(image.get_fdata(dtype=np.float32).transpose(2, 1, 0), values())
    np.testing.assert_allclose(image.affine, series.affine, atol=1e-3)


def test_every_frame_refers_to_its_source(made: tuple[Series, Values, Dataset]) -> None:
    series, numbers, stored = made
    pixels = np.frombuffer(stored.FloatPixelData, "<f4").reshape(numbers.shape)
    np.testing.assert_array_equal(pixels, numbers)
    for index, (item, source) in enumerate(zip(stored.PerFrameFunctionalGroupsSequence, series.datasets, strict=True)):
        derivation = item.DerivationImageSequence[0]
        assert derivation.SourceImageSequence[0].ReferencedSOPInstanceUID == source.SOPInstanceUID
        position = item.PlanePositionSequence[0].ImagePositionPatient
        np.testing.assert_allclose(position, source.ImagePositionPatient, atol=1e-3)
        assert item.FrameContentSequence[0].DimensionIndexValues in (index + 1, [index + 1])
        assert "weights_sha256=0123456789abcdef" in derivation.DerivationDescription
        assert derivation.DerivationDescription.endswith("seed=7, steps=1, preset=tiny, noises=4")
    referenced = stored.ReferencedSeriesSequence[0]
    assert referenced.SeriesInstanceUID == series.series_instance_uid
    assert {item.ReferencedSOPInstanceUID for item in referenced.ReferencedInstanceSequence} == {
        dataset.SOPInstanceUID for dataset in series.datasets
    }


def test_enhanced_images_are_referred_to_by_frame(provenance: SegProvenance) -> None:
    series = load_series(EnhancedMaker().datasets())
    stored = build_map(series, values(), "brain", PROBABILITY, provenance)
    sources = [
        item.DerivationImageSequence[0].SourceImageSequence[0] for item in stored.PerFrameFunctionalGroupsSequence
    ]
    assert [int(source.ReferencedFrameNumber) for source in sources] == [frame.number for frame in series.frames]
    assert {source.ReferencedSOPInstanceUID for source in sources} == {series.datasets[0].SOPInstanceUID}


@pytest.mark.parametrize(
    ("label", "quantity", "expected"),
    [
        ("left kidney", PROBABILITY, [codes.SCT.Mean, codes.SCT.Kidney]),
        ("neoplasm", DISAGREEMENT, [codes.SCT.StandardDeviation, codes.SCT.Neoplasm]),
    ],
)
def test_the_numbers_are_defined(
    label: str, quantity: Quantity, expected: list[Code], provenance: SegProvenance
) -> None:
    series = load_series(SeriesMaker().datasets())
    stored = build_map(series, values(largest=quantity.largest), label, quantity, provenance)
    shared = stored.SharedFunctionalGroupsSequence[0]
    mapped = shared.RealWorldValueMappingSequence[0]
    assert (mapped.RealWorldValueSlope, mapped.RealWorldValueIntercept) == (1, 0)
    assert mapped.DoubleFloatRealWorldValueLastValueMapped == quantity.largest
    assert mapped.MeasurementUnitsCodeSequence[0].CodeValue == "1"
    told = [coded(item.ConceptCodeSequence[0]) for item in mapped.QuantityDefinitionSequence]
    assert told == [codes.DCM.FractionalProbabilisticSegmentation, *expected]
    window = shared.FrameVOILUTSequence[0]
    assert (window.WindowCenter, window.WindowWidth) == (quantity.largest / 2, quantity.largest)
    anatomy = shared.FrameAnatomySequence[0]
    kidney = label == "left kidney"
    assert anatomy.FrameLaterality == ("L" if kidney else "U")
    assert coded(anatomy.AnatomicRegionSequence[0]) == (codes.SCT.Kidney if kidney else codes.SCT.Tissue)
    assert stored.SeriesDescription == f"SDSeg toy 1.2: {quantity.name} of {label}"
    assert stored.ImageType[3] == "QUANTITY" and stored.ContentLabel == quantity.name.upper()


def coded(item: Dataset) -> Code:
    return Code(item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning)


def test_patient_and_study_are_those_of_the_images(made: tuple[Series, Values, Dataset]) -> None:
    series, _, stored = made
    for keyword in ("PatientID", "PatientName", "PatientSex", "StudyInstanceUID", "StudyID", "AccessionNumber"):
        assert stored[keyword].value == series.datasets[0][keyword].value, keyword
    assert stored.FrameOfReferenceUID == series.datasets[0].FrameOfReferenceUID
    assert stored.SeriesInstanceUID != series.series_instance_uid


def test_a_bad_optional_tag_of_the_source_does_not_stop_it(provenance: SegProvenance, tmp_path: Path) -> None:
    datasets = SeriesMaker().datasets()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        datasets[0].PatientAge, datasets[0].PatientSex = "forty", "unknown"
        datasets[0].BodyPartExamined, datasets[0].Laterality = "KIDNEY", "L"
    path = save_seg(build_map(load_series(datasets), values(), "brain", PROBABILITY, provenance), tmp_path / "map.dcm")
    assert_valid(path)


def test_the_same_map_is_the_same_object_and_another_is_not(
    made: tuple[Series, Values, Dataset], provenance: SegProvenance
) -> None:
    series, numbers, stored = made
    again = build_map(series, numbers, "left kidney", PROBABILITY, over(provenance, 4))
    others = [
        build_map(series, numbers / 2, "left kidney", PROBABILITY, over(provenance, 4)),
        build_map(series, numbers / 2, "left kidney", DISAGREEMENT, over(provenance, 4)),
        build_map(series, numbers, "right kidney", PROBABILITY, over(provenance, 4)),
        build_map(series, numbers, "left kidney", PROBABILITY, over(provenance, 5)),
    ]
    assert (again.SOPInstanceUID, again.SeriesInstanceUID) == (stored.SOPInstanceUID, stored.SeriesInstanceUID)
    assert again.DimensionOrganizationSequence == stored.DimensionOrganizationSequence
    uids = [item.SOPInstanceUID for item in (stored, *others)] + [item.SeriesInstanceUID for item in (stored, *others)]
    assert len(set(uids)) == 10


def test_entities_of_the_study_are_consistent(made: tuple[Series, Values, Dataset], tmp_path: Path) -> None:
    series, _, stored = made
    folder = save_all(list(series.datasets), tmp_path / "images")
    path = save_seg(stored, tmp_path / "map.dcm")
    names = [*map(str, sorted(folder.glob("*.dcm"))), str(path)]
    result = subprocess.run([tool("dcentvfy"), *names], capture_output=True, text=True, check=False)
    assert "Error" not in result.stdout + result.stderr


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (values((6, 20, 23)), r"has the shape \(6, 20, 23\), the series \(6, 20, 24\)"),
        (values() - 1, "must lie between 0 and 0.5"),
        (values(), "must lie between 0 and 0.5"),
        (np.full((6, 20, 24), np.nan, np.float32), "must lie between 0 and 0.5"),
    ],
)
def test_numbers_that_cannot_be_are_refused(wrong: Values, reason: str, provenance: SegProvenance) -> None:
    with pytest.raises(LabelError, match=reason):
        build_map(load_series(SeriesMaker().datasets()), wrong, "brain", DISAGREEMENT, provenance)


def test_pictures_have_none(provenance: SegProvenance) -> None:
    series = load_series(PictureMaker().datasets())
    with pytest.raises(GeometryError, match="no frame of reference, so no Parametric Map"):
        build_map(series, values(series.shape), "polyp", PROBABILITY, provenance)


def shift(stored: Dataset) -> None:
    stored.PerFrameFunctionalGroupsSequence[2].PlanePositionSequence[0].ImagePositionPatient[2] += 0.01


def swap(stored: Dataset) -> None:
    items = stored.PerFrameFunctionalGroupsSequence
    items[1], items[4] = items[4], items[1]


def flip(stored: Dataset) -> None:
    pixels = np.frombuffer(stored.FloatPixelData, "<f4").reshape(6, 20, 24)
    stored.FloatPixelData = pixels[:, ::-1].tobytes()


def twice(stored: Dataset) -> None:
    items = stored.PerFrameFunctionalGroupsSequence
    items[1] = items[0]
    pixels = np.frombuffer(stored.FloatPixelData, "<f4").reshape(6, 20, 24)[[0, 0, 2, 3, 4, 5]]
    stored.FloatPixelData = pixels.tobytes()


def stranger(stored: Dataset) -> None:
    source = stored.PerFrameFunctionalGroupsSequence[3].DerivationImageSequence[0].SourceImageSequence[0]
    source.ReferencedSOPInstanceUID = "1.2.3"


@pytest.mark.parametrize("change", [shift, swap, flip, twice, stranger])
def test_each_mutation_is_caught(
    change: Callable[[Dataset], None], made: tuple[Series, Values, Dataset], tmp_path: Path
) -> None:
    series, numbers, stored = made
    copy = dcmread(save_seg(stored, tmp_path / "map.dcm"))
    check_map(copy, series, numbers)
    change(copy)
    with pytest.raises(LabelError, match="would be wrong, so none is written"):
        check_map(copy, series, numbers)
