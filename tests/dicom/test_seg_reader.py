"""Segmentations by others: LABELMAP, RLE, sparse, flipped, cropped - and those that must not be taken."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
from helpers.dicom_series import SeriesMaker, orientations
from highdicom import AlgorithmIdentificationSequence, Volume
from highdicom.seg import Segmentation, SegmentDescription
from highdicom.sr import CodedConcept
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import ExplicitVRLittleEndian, RLELossless, generate_uid

from sdseg.dicom.seg_check import encoded
from sdseg.dicom.seg_reader import read_seg
from sdseg.dicom.seg_writer import SegProvenance, build_seg, save_seg
from sdseg.dicom.series import Series, load_series
from sdseg.errors import InputError, LabelError

Mask = NDArray[np.uint8]
LABELS = {"liver": 1, "spleen": 2}


@pytest.fixture
def series() -> Series:
    return load_series(SeriesMaker(orientation=orientations()["coronal-+-oblique"]).datasets())


def foreign_seg(
    series: Series,
    pixels: Mask | Volume,
    kind: str = "LABELMAP",
    syntax: str = ExplicitVRLittleEndian,
    names: tuple[str, ...] = ("liver", "spleen"),
    **more: object,
) -> Segmentation:
    """A SEG as another program would write it."""
    algorithm = AlgorithmIdentificationSequence("other", codes.DCM.ArtificialIntelligence, "1")
    tissue = CodedConcept("85756007", "SCT", "Tissue")
    described = [
        SegmentDescription(number, name, tissue, tissue, "AUTOMATIC", algorithm) for number, name in enumerate(names, 1)
    ]
    return Segmentation(
        deepcopy(list(series.datasets)),  # highdicom shares elements with its sources
        pixels,
        kind,
        described,
        generate_uid(),
        1,
        generate_uid(),
        1,
        "Other",
        "Program",
        "1",
        "1",
        transfer_syntax_uid=syntax,
        **more,
    )


def as_volume(series: Series, array: NDArray) -> Volume:
    """The array with the geometry of the series, so that highdicom can flip and crop it."""
    geometry = series.geometry
    lps = np.diag([-1, -1, 1, 1]) @ series.affine
    to_slice_row_column = lps[:, [2, 1, 0, 3]]
    return Volume(array, to_slice_row_column, "PATIENT", frame_of_reference_uid=geometry.frame_of_reference_uid)


@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP"])
@pytest.mark.parametrize("omit", [True, False], ids=["sparse", "full"])
def test_binary_and_labelmap(kind: str, omit: bool, series: Series, mask: Mask, tmp_path: Path) -> None:
    path = save_seg(foreign_seg(series, mask, kind, omit_empty_frames=omit), tmp_path / "seg.dcm")
    found, labels = read_seg(path, series)
    assert found.dtype == np.uint8 and labels == LABELS
    np.testing.assert_array_equal(found, mask)


def test_labelmap_in_rle(series: Series, mask: Mask, tmp_path: Path) -> None:
    """What OHIF saves."""
    path = save_seg(foreign_seg(series, mask, syntax=RLELossless), tmp_path / "seg.dcm")
    np.testing.assert_array_equal(read_seg(path, series)[0], mask)


@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP"])
def test_single_frame_and_every_other_slice(kind: str, series: Series, mask: Mask) -> None:
    for keep in ([2], [0, 2, 4], [1, 5]):
        part = np.zeros_like(mask)
        part[keep] = mask[[2]] > 0
        seg = foreign_seg(series, part, kind, names=("liver",))
        np.testing.assert_array_equal(read_seg(seg, series)[0], part)


def test_empty_seg_gives_an_empty_mask(series: Series, mask: Mask) -> None:
    found, labels = read_seg(foreign_seg(series, np.zeros_like(mask), names=("liver",)), series)
    assert not found.any() and labels == {"liver": 1}


@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP"])
@pytest.mark.parametrize("axes", [[0], [1], [2], [0, 1, 2]], ids=str)
def test_flipped_frames_are_flipped_back(kind: str, axes: list[int], series: Series, mask: Mask) -> None:
    flipped = as_volume(series, mask).flip_spatial(axes)
    assert not np.array_equal(flipped.array, mask)
    np.testing.assert_array_equal(read_seg(foreign_seg(series, flipped, kind), series)[0], mask)


@pytest.mark.parametrize("order", [[0, 2, 1], [1, 2, 0], [2, 0, 1]], ids=str)
def test_frames_cut_in_another_direction(order: list[int], mask: Mask) -> None:
    """Sagittal frames of an axial series lie on its grid, too."""
    series = load_series(SeriesMaker(pixel_spacing=(2.5, 2.5)).datasets())
    turned = as_volume(series, mask).permute_spatial_axes(order)
    np.testing.assert_array_equal(read_seg(foreign_seg(series, turned), series)[0], mask)


def test_cropped_frames_find_their_place(series: Series, mask: Mask) -> None:
    cropped = as_volume(series, mask)[1:5, 2:19, 1:23]
    np.testing.assert_array_equal(read_seg(foreign_seg(series, cropped), series)[0], mask)


def test_frames_beyond_the_series_are_refused(series: Series, mask: Mask) -> None:
    longer = as_volume(series, mask).pad([[0, 0], [0, 2], [0, 0]])
    np.testing.assert_array_equal(read_seg(foreign_seg(series, longer), series)[0], mask)
    longer.array[3, 21, 5] = 1
    with pytest.raises(LabelError, match="reaches beyond"):
        read_seg(foreign_seg(series, longer), series)


def shift(mm: list[float]) -> Callable[[Dataset], None]:
    def change(seg: Dataset) -> None:
        for item in seg.PerFrameFunctionalGroupsSequence:
            plane = item.PlanePositionSequence[0]
            plane.ImagePositionPatient = [a + b for a, b in zip(plane.ImagePositionPatient, mm, strict=True)]

    return change


def spacing(seg: Dataset) -> None:
    seg.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing = [1.8, 1.4]


def orientation(seg: Dataset) -> None:
    plane = seg.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence[0]
    plane.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]


REFUSED: dict[str, tuple[Callable[[Dataset], object], str]] = {
    "patient": (lambda seg: setattr(seg, "PatientID", "SOMEONE"), "another PatientID"),
    "study": (lambda seg: setattr(seg, "StudyInstanceUID", generate_uid()), "another StudyInstanceUID"),
    "frame": (lambda seg: setattr(seg, "FrameOfReferenceUID", generate_uid()), "another FrameOfReferenceUID"),
    "shift": (shift([0.3, 0, 0]), "voxel grid"),
    "small shift": (shift([0.02, 0.02, 0.02]), "voxel grid"),
    "spacing": (spacing, "voxel grid"),
    "orientation": (orientation, "voxel grid"),
    "fractional": (lambda seg: setattr(seg, "SegmentationType", "FRACTIONAL"), "MaximumFractionalValue"),
    "type": (lambda seg: setattr(seg, "SegmentationType", "SURFACE"), "type SURFACE"),
    "no seg": (lambda seg: setattr(seg, "SOPClassUID", "1.2.840.10008.5.1.4.1.1.2"), "no DICOM segmentation"),
    "truncated": (lambda seg: setattr(seg, "PixelData", seg.PixelData[:20]), "truncated"),
    "no position": (lambda seg: seg.PerFrameFunctionalGroupsSequence[1].pop("PlanePositionSequence"), "Frame 2"),
    "too few groups": (lambda seg: seg.PerFrameFunctionalGroupsSequence.pop(), "frames but describes"),
    "no segment": (lambda seg: seg.SegmentSequence.pop(), "does not describe"),
    "twin names": (lambda seg: setattr(seg.SegmentSequence[-1], "SegmentLabel", "liver"), 'called "liver"'),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP"])
def test_what_does_not_belong_is_refused(kind: str, case: str, series: Series, mask: Mask) -> None:
    change, expected = REFUSED[case]
    seg = foreign_seg(series, mask, kind)
    change(seg)
    with pytest.raises(LabelError, match=expected) as caught:
        read_seg(seg, series)
    assert "\n" not in str(caught.value) and "SECRET" not in str(caught.value) and "SYNTH" not in str(caught.value)


def test_shift_by_whole_voxels_moves_or_leaves_the_grid(series: Series, mask: Mask, provenance: SegProvenance) -> None:
    """A mask one voxel off is on the grid: only the writer can know better, and its check does."""
    seg = encoded(build_seg(series, mask, LABELS, provenance))
    shift((series.geometry.image_orientation[:3] * 0.7).tolist())(seg)
    np.testing.assert_array_equal(read_seg(seg, series)[0][:, :, 1:], mask[:, :, :-1])


def test_overlapping_segments_are_refused(series: Series, mask: Mask) -> None:
    stacked = np.stack([mask > 0, mask == 2], axis=-1).astype(np.uint8)
    with pytest.raises(LabelError, match="Segments 1 and 2 of the SEG overlap"):
        read_seg(foreign_seg(series, stacked, "BINARY"), series)


def test_values_by_name(series: Series, mask: Mask) -> None:
    seg = foreign_seg(series, mask, "BINARY")
    found, labels = read_seg(seg, series, {"Spleen": 1, "pancreas": 3, "LIVER": 7})
    np.testing.assert_array_equal(found, np.array([0, 7, 1])[mask])
    assert labels == {"Spleen": 1, "pancreas": 3, "LIVER": 7}
    with pytest.raises(LabelError, match='segment "spleen", but the labels are liver'):
        read_seg(seg, series, {"liver": 1})


def test_other_files_are_named(series: Series, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(InputError, match=r"notes\.txt is not a DICOM file"):
        read_seg(tmp_path / "notes.txt", series)
    with pytest.raises(InputError, match="does not exist"):
        read_seg(tmp_path / "seg.dcm", series)
