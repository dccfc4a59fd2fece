"""Mutations of a good SEG: each bug that validators miss must be caught before the SEG leaves."""

from collections.abc import Callable

import numpy as np
import pytest
from helpers.dicom_series import SeriesMaker
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels import pack_bits
from pydicom.uid import generate_uid

from sdseg.dicom import seg_writer
from sdseg.dicom.seg_check import check_seg, encoded
from sdseg.dicom.seg_labels import Segments, segments
from sdseg.dicom.seg_writer import SegProvenance, build_seg
from sdseg.dicom.series import Series, load_series
from sdseg.errors import LabelError

LABELS = {"liver": 1, "spleen": 2}


@pytest.fixture
def series() -> Series:
    return load_series(SeriesMaker().datasets())


@pytest.fixture
def good(series: Series, mask: NDArray[np.uint8], provenance: SegProvenance) -> tuple[Dataset, Segments]:
    seg = build_seg(series, mask, LABELS, provenance)
    return encoded(seg), segments(mask, LABELS, mask.shape)  # encoded: frames of one slice share no items then


def move_z(seg: Dataset) -> None:
    """One millimetre: what no validator sees."""
    for item in seg.PerFrameFunctionalGroupsSequence:
        item.PlanePositionSequence[0].ImagePositionPatient[2] += 1


def move_one_slice(seg: Dataset) -> None:
    for item in seg.PerFrameFunctionalGroupsSequence:
        item.PlanePositionSequence[0].ImagePositionPatient[2] += 2.5


def nudge_one_frame(seg: Dataset) -> None:
    seg.PerFrameFunctionalGroupsSequence[2].PlanePositionSequence[0].ImagePositionPatient[0] += 0.002


def source_of(seg: Dataset, frame: int) -> object:
    return seg.PerFrameFunctionalGroupsSequence[frame].DerivationImageSequence[0].SourceImageSequence[0]


def swap_references(seg: Dataset) -> None:
    one, two = source_of(seg, 0), source_of(seg, 1)
    one.ReferencedSOPInstanceUID, two.ReferencedSOPInstanceUID = (
        two.ReferencedSOPInstanceUID,
        one.ReferencedSOPInstanceUID,
    )


def foreign_reference(seg: Dataset) -> None:
    source_of(seg, 0).ReferencedSOPInstanceUID = generate_uid()


def no_reference(seg: Dataset) -> None:
    del seg.PerFrameFunctionalGroupsSequence[0].DerivationImageSequence


def repack(seg: Dataset, change: Callable[[NDArray], NDArray]) -> None:
    seg.PixelData = pack_bits(change(seg.pixel_array.copy()))


def flip_rows(seg: Dataset) -> None:
    repack(seg, lambda frames: frames[:, ::-1])


def flip_columns(seg: Dataset) -> None:
    repack(seg, lambda frames: frames[:, :, ::-1])


def reverse_frames(seg: Dataset) -> None:
    repack(seg, lambda frames: frames[::-1])


def shift_by_a_column(seg: Dataset) -> None:
    repack(seg, lambda frames: np.roll(frames, 1, axis=2))


def lose_a_voxel(seg: Dataset) -> None:
    def change(frames: NDArray) -> NDArray:
        frames[tuple(np.argwhere(frames)[0])] = 0
        return frames

    repack(seg, change)


def swap_segments(seg: Dataset) -> None:
    for item in seg.PerFrameFunctionalGroupsSequence:
        identification = item.SegmentIdentificationSequence[0]
        identification.ReferencedSegmentNumber = 3 - identification.ReferencedSegmentNumber


def rename_segment(seg: Dataset) -> None:
    seg.SegmentSequence[0].SegmentLabel = "pancreas"


def wrong_organ(seg: Dataset) -> None:
    seg.SegmentSequence[0].SegmentedPropertyTypeCodeSequence[0].CodeValue = "78961009"


def wrong_side(seg: Dataset) -> None:
    """A side where the structure has none."""
    code = seg.SegmentSequence[0].SegmentedPropertyTypeCodeSequence[0]
    code.SegmentedPropertyTypeModifierCodeSequence = [seg.SegmentSequence[0].SegmentedPropertyCategoryCodeSequence[0]]


def wrong_patient(seg: Dataset) -> None:
    seg.PatientID = "SOMEONE"


def drop_a_frame(seg: Dataset) -> None:
    frames = seg.pixel_array[:-1]
    seg.PerFrameFunctionalGroupsSequence.pop()
    seg.NumberOfFrames = len(frames)
    seg.PixelData = pack_bits(frames)


def number_twice(seg: Dataset) -> None:
    seg.SegmentSequence[1].SegmentNumber = 1


def wrong_algorithm_type(seg: Dataset) -> None:
    seg.SegmentSequence[1].SegmentAlgorithmType = "SEMIAUTOMATIC"


def frame_twice(seg: Dataset) -> None:
    frames = seg.pixel_array
    seg.PerFrameFunctionalGroupsSequence.append(seg.PerFrameFunctionalGroupsSequence[-1])
    seg.NumberOfFrames = len(frames) + 1
    seg.PixelData = pack_bits(np.concatenate([frames, frames[-1:]]))


def another_series(seg: Dataset) -> None:
    seg.ReferencedSeriesSequence[0].SeriesInstanceUID = generate_uid()


def lose_a_referenced_image(seg: Dataset) -> None:
    seg.ReferencedSeriesSequence[0].ReferencedInstanceSequence.pop()


def lose_the_place(seg: Dataset) -> None:
    del seg.PerFrameFunctionalGroupsSequence[0].PlanePositionSequence
    del seg.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence


MUTATIONS = [
    number_twice,
    wrong_algorithm_type,
    frame_twice,
    another_series,
    lose_a_referenced_image,
    lose_the_place,
    move_z,
    move_one_slice,
    nudge_one_frame,
    swap_references,
    foreign_reference,
    no_reference,
    flip_rows,
    flip_columns,
    reverse_frames,
    shift_by_a_column,
    lose_a_voxel,
    swap_segments,
    rename_segment,
    wrong_organ,
    wrong_side,
    wrong_patient,
    drop_a_frame,
]


def test_a_good_seg_passes(good: tuple[Dataset, Segments], series: Series) -> None:
    check_seg(good[0], series, good[1], "AUTOMATIC")


@pytest.mark.parametrize("mutate", MUTATIONS, ids=lambda mutate: mutate.__name__)
def test_every_mutation_is_caught(
    mutate: Callable[[Dataset], None], good: tuple[Dataset, Segments], series: Series
) -> None:
    seg, content = good
    mutate(seg)
    with pytest.raises(LabelError) as caught:
        check_seg(seg, series, content, "AUTOMATIC")
    assert "\n" not in str(caught.value)


def test_build_seg_refuses_what_its_check_refuses(
    series: Series, mask: NDArray[np.uint8], provenance: SegProvenance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check is wired in: a writer that shifts its frames returns nothing."""
    finish = seg_writer.finish

    def shifting(seg: Dataset, *rest: object) -> None:
        finish(seg, *rest)
        move_z(seg)

    monkeypatch.setattr(seg_writer, "finish", shifting)
    with pytest.raises(LabelError, match="lies elsewhere than the image it references"):
        build_seg(series, mask, LABELS, provenance)


def one_value_more(seg: Dataset) -> None:
    frames = seg.pixel_array.copy()
    frames[0, 0, 0] = 1
    seg.PixelData = frames.tobytes()


def values_swapped(seg: Dataset) -> None:
    seg.PixelData = np.array([0, 2, 1], dtype=np.uint8)[seg.pixel_array].tobytes()


def background_left_out(seg: Dataset) -> None:
    seg.SegmentSequence = list(seg.SegmentSequence)[1:]


def background_as_liver(seg: Dataset) -> None:
    background, liver, _ = seg.SegmentSequence
    background.SegmentedPropertyTypeCodeSequence = liver.SegmentedPropertyTypeCodeSequence


@pytest.mark.parametrize(
    "mutate",
    [
        move_z,
        swap_references,
        no_reference,
        wrong_patient,
        one_value_more,
        values_swapped,
        background_left_out,
        background_as_liver,
    ],
    ids=lambda mutate: mutate.__name__,
)
def test_every_mutation_of_a_labelmap_is_caught(
    mutate: Callable[[Dataset], None], series: Series, mask: NDArray[np.uint8], provenance: SegProvenance
) -> None:
    seg = encoded(build_seg(series, mask, LABELS, provenance, segmentation_type="LABELMAP"))
    content = segments(mask, LABELS, mask.shape)
    check_seg(seg, series, content, "AUTOMATIC")
    mutate(seg)
    with pytest.raises(LabelError):
        check_seg(seg, series, content, "AUTOMATIC")
