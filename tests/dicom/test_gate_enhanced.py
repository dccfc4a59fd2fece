"""Enhanced multi-frame CT, MR and PT: the planes of their frames, per-frame values, and what is refused."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers.dicom_enhanced import EnhancedMaker, one
from helpers.dicom_series import SeriesMaker, orientations, save_all
from helpers.tools import assert_valid, dcmqi_counts
from numpy.typing import NDArray
from pydicom.dataset import FileDataset
from pydicom.pixels import compress
from pydicom.uid import JPEGLSLossless, RLELossless, generate_uid

from sdseg.dicom.gate import Accepted, Refused, examine
from sdseg.dicom.seg_reader import read_seg
from sdseg.dicom.seg_writer import SegProvenance, build_seg, save_seg
from sdseg.dicom.series import Series, load_series


@pytest.mark.parametrize("modality", ["MR", "CT", "PT"])
def test_frames_give_the_volume_of_their_single_frame_twin(modality: str, tmp_path: Path) -> None:
    """Stored in any order, with a slope of its own each."""
    maker = EnhancedMaker(modality=modality)
    series = load_series(maker.save(tmp_path))
    if modality != "PT":
        assert_valid(tmp_path / "IM_1.dcm")
    twin = Series.from_datasets(SeriesMaker(modality=modality).datasets())
    assert series.is_volume and series.shape == (6, 20, 24)
    np.testing.assert_allclose(series.affine, twin.affine)
    np.testing.assert_array_equal(series.pixels(), maker.values())
    assert [frame.number for frame in series.frames] == [2, 4, 6, 1, 5, 3]
    assert len(series.datasets) == 1


@pytest.mark.parametrize("name", list(orientations())[::5])
def test_any_orientation(name: str) -> None:
    cosines = orientations()[name]
    series = Series.from_datasets(EnhancedMaker(orientation=cosines).datasets())
    np.testing.assert_allclose(
        series.affine, Series.from_datasets(SeriesMaker(orientation=cosines).datasets()).affine, atol=1e-6
    )


def test_groups_may_be_per_frame_or_shared() -> None:
    (dataset,) = EnhancedMaker().datasets()
    shared = dataset.SharedFunctionalGroupsSequence[0]
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        frame.PixelMeasuresSequence = shared.PixelMeasuresSequence
        frame.PlaneOrientationSequence = shared.PlaneOrientationSequence
    usual = Series.from_datasets(EnhancedMaker().datasets()).affine
    del shared.PixelMeasuresSequence, shared.PlaneOrientationSequence
    np.testing.assert_array_equal(Series.from_datasets([dataset]).affine, usual)


def test_several_instances_form_one_grid() -> None:
    """A scanner may split one volume into instances that are no concatenation."""
    halves = [EnhancedMaker(stored_order=order).enhanced() for order in ((0, 2, 4), (5, 3, 1))]
    halves[1].SOPInstanceUID = generate_uid()
    series = Series.from_datasets(halves)
    np.testing.assert_array_equal(series.pixels(), EnhancedMaker().values())
    assert [(halves.index(frame.dataset), frame.number) for frame in series.frames] == [
        (0, 1), (1, 3), (0, 2), (1, 2), (0, 3), (1, 1),
    ]  # fmt: skip


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless], ids=lambda uid: uid.name)
def test_compressed_frames_are_the_same(syntax: str, tmp_path: Path) -> None:
    maker = EnhancedMaker()
    (dataset,) = maker.datasets()
    compress(dataset, syntax)
    np.testing.assert_array_equal(load_series(save_all([dataset], tmp_path)).pixels(), maker.values())


@pytest.mark.parametrize("several", [False, True], ids=["one instance", "two instances"])
def test_a_seg_refers_to_frames(
    several: bool, mask: NDArray[np.uint8], provenance: SegProvenance, tmp_path: Path
) -> None:
    datasets = EnhancedMaker().datasets()
    if several:
        datasets = [EnhancedMaker(stored_order=order).enhanced() for order in ((0, 2, 4), (5, 3, 1))]
        datasets[1].SOPInstanceUID = generate_uid()
    series = Series.from_datasets(datasets)
    seg = build_seg(series, mask, {"brain": 1, "tooth": 2}, provenance)
    path = save_seg(seg, tmp_path / "seg.dcm")
    assert_valid(path)
    assert dcmqi_counts(path, tmp_path) == {"brain": int((mask == 1).sum()), "tooth": int((mask == 2).sum())}
    labelmap, labels = read_seg(path, series)
    np.testing.assert_array_equal(labelmap, mask)
    assert labels == {"brain": 1, "tooth": 2}
    for frame in seg.PerFrameFunctionalGroupsSequence:
        source = frame.DerivationImageSequence[0].SourceImageSequence[0]
        (instance,) = [dataset for dataset in datasets if dataset.SOPInstanceUID == source.ReferencedSOPInstanceUID]
        place = instance.PerFrameFunctionalGroupsSequence[source.ReferencedFrameNumber - 1].PlanePositionSequence[0]
        there = frame.PlanePositionSequence[0].ImagePositionPatient
        np.testing.assert_allclose(there, place.ImagePositionPatient, atol=1e-3)
        assert source.ReferencedSOPClassUID == instance.SOPClassUID
    named = [item.ReferencedSOPInstanceUID for item in seg.ReferencedSeriesSequence[0].ReferencedInstanceSequence]
    assert sorted(named) == sorted(dataset.SOPInstanceUID for dataset in datasets)


def groups(dataset: FileDataset, frame: int) -> FileDataset:
    return dataset.PerFrameFunctionalGroupsSequence[frame]


def lose_place(ds: FileDataset) -> None:
    del groups(ds, 2).PlanePositionSequence


def not_a_number(ds: FileDataset) -> None:
    groups(ds, 2).PlanePositionSequence[0].ImagePositionPatient = ["0", "0", "nan"]


def drop_frame(ds: FileDataset) -> None:
    """Slice 1, which is stored as frame 4."""
    size = ds.Rows * ds.Columns * 2
    ds.PixelData = ds.PixelData[: 3 * size] + ds.PixelData[4 * size :]
    del ds.PerFrameFunctionalGroupsSequence[3]
    ds.NumberOfFrames = 5


def tilt(ds: FileDataset) -> None:
    for frame in ds.PerFrameFunctionalGroupsSequence:
        place = frame.PlanePositionSequence[0]
        x, y, z = (float(mm) for mm in place.ImagePositionPatient)
        place.ImagePositionPatient = [x, y + (z - 70.75) * np.tan(np.radians(15)), z]


def echoes(ds: FileDataset) -> None:
    for number, frame in enumerate(ds.PerFrameFunctionalGroupsSequence):
        frame.MREchoSequence = one(EffectiveEchoTime=10.0 + 20 * (number % 2))
        frame.PlanePositionSequence = groups(ds, number // 2).PlanePositionSequence


def attribute(**values: object) -> Callable[[FileDataset], None]:
    def change(ds: FileDataset) -> None:
        for keyword, value in values.items():
            delattr(ds, keyword) if value is None else setattr(ds, keyword, value)

    return change


REFUSED: dict[str, tuple[Callable[[FileDataset], None], list[str]]] = {
    "frame without place": (lose_place, ["frame 3 of instance 1", "ImagePositionPatient"]),
    "place that is no number": (not_a_number, ["frame 3 of instance 1", "ImagePositionPatient"]),
    "missing frame": (drop_frame, ["1 slice(s) are missing", "frame 2 of instance 1", "frame 5 of instance 1"]),
    "tilt": (tilt, ["gantry tilt", "15.0 degrees"]),
    "several echoes": (echoes, ["same position", "several volumes", "echo time 10.0, 30.0"]),
    "too few descriptions": (attribute(NumberOfFrames=7), ["has 7 frame(s) but describes 6"]),
    "no frame of reference": (attribute(FrameOfReferenceUID=None), ["FrameOfReferenceUID"]),
    "concatenation": (
        attribute(ConcatenationUID="1.2.3", InConcatenationNumber=1, InConcatenationTotalNumber=2),
        ["instance 1", "concatenation"],
    ),
    "localizer": (attribute(ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER", "NONE"]), ["localizer"]),
    "truncated": (attribute(PixelData=b"\0" * 5000), ["truncated"]),
    "no groups": (attribute(PerFrameFunctionalGroupsSequence=None), ["describes 0"]),
    "bomb": (attribute(NumberOfFrames=2_000_000), ["2000000 frame(s)", "at most"]),
    "negative frames": (attribute(NumberOfFrames=-1), ["NumberOfFrames"]),
    "palette": (attribute(PhotometricInterpretation="PALETTE COLOR"), ["PALETTE COLOR"]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_in_one_sentence_that_names_the_instance(case: str) -> None:
    change, expected = REFUSED[case]
    (dataset,) = EnhancedMaker().datasets()
    change(dataset)
    answer = examine([dataset])
    assert isinstance(answer, Refused)
    assert [part for part in expected if part not in answer.reason] == [], answer.reason
    assert "\n" not in answer.reason and answer.reason.endswith(".") and "SECRET" not in answer.reason
    assert answer.instances == (dataset.SOPInstanceUID,)


def test_several_time_points_in_one_instance_are_refused_by_name() -> None:
    answer = examine(EnhancedMaker(temporal_positions=3).datasets())
    assert isinstance(answer, Refused)
    assert "several volumes (temporal position 1, 2, 3)" in answer.reason


def test_orientation_jitter_between_frames_is_snapped_and_told() -> None:
    (dataset,) = EnhancedMaker().datasets()
    shared = dataset.SharedFunctionalGroupsSequence[0]
    for number, frame in enumerate(dataset.PerFrameFunctionalGroupsSequence):
        jitter = 1e-5 if number == 2 else 0
        frame.PlaneOrientationSequence = one(ImageOrientationPatient=[1, jitter, 0, 0, 1, 0])
    del shared.PlaneOrientationSequence
    answer = examine([dataset])
    assert isinstance(answer, Accepted)
    assert "ImageOrientationPatient differed by up to 1e-05" in answer.corrections[0]
    assert answer.series.grid.image_orientation.tolist() == [1, 0, 0, 0, 1, 0]


def test_ct_without_rescale_is_told() -> None:
    (dataset,) = EnhancedMaker(modality="CT").datasets()
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        del frame.PixelValueTransformationSequence
    answer = examine([dataset])
    assert isinstance(answer, Accepted)
    assert "no RescaleSlope" in answer.corrections[0] and "and 3 more" in answer.corrections[0]
    np.testing.assert_array_equal(answer.series.pixels(), EnhancedMaker(modality="CT").stored())
