"""Bugs a SEG could have, as changes of a good one on disk: each must be caught by something."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels import pack_bits
from pydicom.sr.coding import Code
from pydicom.uid import UID

ELSEWHERE = UID("2.25.305419896")


def z_shift_of_1_mm(seg: Dataset) -> None:
    for item in seg.PerFrameFunctionalGroupsSequence:
        item.PlanePositionSequence[0].ImagePositionPatient[2] += 1


def shift_by_one_slice(seg: Dataset) -> None:
    """The series of the tests is 2.5 mm thick and axial."""
    for item in seg.PerFrameFunctionalGroupsSequence:
        item.PlanePositionSequence[0].ImagePositionPatient[2] += 2.5


def in_plane_flip(seg: Dataset) -> None:
    repack(seg, lambda frames: frames[:, :, ::-1])


def rows_and_columns_swapped(seg: Dataset) -> None:
    frames = seg.pixel_array
    seg.Rows, seg.Columns = seg.Columns, seg.Rows
    seg.PixelData = pack_bits(np.ascontiguousarray(frames.transpose(0, 2, 1)))


def wrong_organ_code(seg: Dataset) -> None:
    """The liver as spleen, which is what a stock server writes for every organ; code and meaning fit each other."""
    item = seg.SegmentSequence[0].SegmentedPropertyTypeCodeSequence[0]
    spleen = Code("78961009", "SCT", "Spleen")
    item.CodeValue, item.CodeMeaning = spleen.value, spleen.meaning


def wrong_side(seg: Dataset) -> None:
    code = seg.SegmentSequence[1].SegmentedPropertyTypeCodeSequence[0]
    side = code.SegmentedPropertyTypeModifierCodeSequence[0]
    side.CodeValue, side.CodeMeaning = "7771000", "Left"


def no_source_reference(seg: Dataset) -> None:
    for item in seg.PerFrameFunctionalGroupsSequence:
        del item.DerivationImageSequence


def references_swapped(seg: Dataset) -> None:
    one, two = (source_of(seg, frame) for frame in (0, 1))
    one.ReferencedSOPInstanceUID, two.ReferencedSOPInstanceUID = (
        two.ReferencedSOPInstanceUID,
        one.ReferencedSOPInstanceUID,
    )


def frames_swapped(seg: Dataset) -> None:
    def swap(frames: NDArray) -> NDArray:
        frames[[0, 1]] = frames[[1, 0]]
        return frames

    repack(seg, swap)


def frame_dropped(seg: Dataset) -> None:
    """Well-formed: count, groups and pixels fit each other."""
    frames = seg.pixel_array[:-1]
    seg.PerFrameFunctionalGroupsSequence.pop()
    seg.NumberOfFrames = len(frames)
    seg.PixelData = pack_bits(frames)


def segment_number_twice(seg: Dataset) -> None:
    seg.SegmentSequence[1].SegmentNumber = 1


def segments_swapped(seg: Dataset) -> None:
    for item in seg.PerFrameFunctionalGroupsSequence:
        identification = item.SegmentIdentificationSequence[0]
        identification.ReferencedSegmentNumber = 3 - identification.ReferencedSegmentNumber


def wrong_patient(seg: Dataset) -> None:
    seg.PatientID = "SOMEONE"


def wrong_study(seg: Dataset) -> None:
    seg.StudyInstanceUID = ELSEWHERE


def wrong_frame_of_reference(seg: Dataset) -> None:
    seg.FrameOfReferenceUID = ELSEWHERE


def said_to_be_drawn_by_hand(seg: Dataset) -> None:
    for item in seg.SegmentSequence:
        item.SegmentAlgorithmType = "MANUAL"


def repack(seg: Dataset, change: Callable[[NDArray], NDArray]) -> None:
    seg.PixelData = pack_bits(np.ascontiguousarray(change(seg.pixel_array.copy())))


def source_of(seg: Dataset, frame: int) -> Dataset:
    item: Dataset = seg.PerFrameFunctionalGroupsSequence[frame].DerivationImageSequence[0].SourceImageSequence[0]
    return item


MUTATIONS: tuple[Callable[[Dataset], None], ...] = (
    z_shift_of_1_mm,
    shift_by_one_slice,
    in_plane_flip,
    rows_and_columns_swapped,
    frames_swapped,
    frame_dropped,
    wrong_organ_code,
    wrong_side,
    segment_number_twice,
    segments_swapped,
    no_source_reference,
    references_swapped,
    wrong_patient,
    wrong_study,
    wrong_frame_of_reference,
    said_to_be_drawn_by_hand,
)
