"""FRACTIONAL, compressed, 16-bit and coloured segmentations; overlaps; frames of one instance; pictures."""

import logging
from copy import deepcopy

import numpy as np
import pytest
from helpers.dicom_enhanced import EnhancedMaker
from helpers.dicom_pictures import PictureMaker
from helpers.dicom_series import SeriesMaker
from highdicom import AlgorithmIdentificationSequence, PaletteColorLUT, PaletteColorLUTTransformation
from highdicom.seg import Segmentation, SegmentDescription
from highdicom.sr import CodedConcept
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
    generate_uid,
)

from sdseg.dicom.seg_check import encoded
from sdseg.dicom.seg_reader import read_seg
from sdseg.dicom.seg_writer import SegProvenance, build_seg
from sdseg.dicom.series import Series, load_series
from sdseg.errors import InputError, LabelError

Mask = NDArray[np.uint8]
TISSUE = CodedConcept("85756007", "SCT", "Tissue")
SYNTAXES = [ExplicitVRLittleEndian, RLELossless, JPEG2000Lossless, JPEGLSLossless]


ROWS, COLUMNS = 33, 35  # JPEG 2000 wants 32 of them, and 33 x 35 bits are no whole bytes


@pytest.fixture
def series() -> Series:
    return load_series(SeriesMaker(rows=ROWS, columns=COLUMNS).datasets())


@pytest.fixture
def mask(mask: Mask) -> Mask:
    """The common mask, larger."""
    return np.pad(mask, [(0, 0), (0, ROWS - mask.shape[1]), (COLUMNS - mask.shape[2], 0)])


def foreign(
    series: Series,
    pixels: NDArray,
    kind: str,
    numbers: tuple[int, ...],
    syntax: str = ExplicitVRLittleEndian,
    **more: object,
) -> Dataset:
    """A SEG by highdicom as it would be read from a file; segment k is called "part k"."""
    algorithm = AlgorithmIdentificationSequence("other", codes.DCM.ArtificialIntelligence, "1")
    described = [
        SegmentDescription(number, f"part {number}", TISSUE, TISSUE, "AUTOMATIC", algorithm) for number in numbers
    ]
    rle = syntax == RLELossless  # by pydicom's own encoder: GDCM's, which highdicom gets first, ends the process
    seg = Segmentation(
        deepcopy(list(series.datasets)), pixels, kind, described, generate_uid(), 1, generate_uid(), 1, "Other",
        "Program", "1", "1", transfer_syntax_uid=ExplicitVRLittleEndian if rle else syntax, **more,
    )  # fmt: skip
    if rle:
        seg.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
    return encoded(seg)


@pytest.mark.parametrize("meaning", ["PROBABILITY", "OCCUPANCY"])
@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda uid: UID(uid).name)
def test_fractional(meaning: str, syntax: str, series: Series) -> None:
    slices, rows, columns = series.shape
    fractions = np.random.default_rng(1).random((slices, rows, columns // 5, 2)).repeat(5, axis=2)
    fractions[0, 0, :4] = [[0.5, 0.1], [0.49, 0.1], [0.8, 0.9], [0.8, 0.8]]
    seg = foreign(series, fractions, "FRACTIONAL", (1, 2), syntax, fractional_type=meaning, max_fractional_value=200)
    stored = np.round(fractions * 200)
    for fraction in (0.5, 0.25, 1.0):
        expected = np.where(stored[..., 1] > stored[..., 0], 2, 1) * (stored.max(axis=-1) >= fraction * 200)
        found, labels = read_seg(seg, series, fraction=fraction)
        assert labels == {"part 1": 1, "part 2": 2}
        np.testing.assert_array_equal(found, expected)
    assert read_seg(seg, series)[0][0, 0, :4].tolist() == [1, 0, 2, 1]


@pytest.mark.parametrize("most", [None, 0, 300])
def test_fractional_without_a_scale_is_refused(most: int | None, series: Series) -> None:
    seg = foreign(series, np.full(series.shape, 0.7), "FRACTIONAL", (1,), fractional_type="PROBABILITY")
    seg.MaximumFractionalValue = most
    with pytest.raises(LabelError, match="MaximumFractionalValue"):
        read_seg(seg, series)
    with pytest.raises(InputError, match="fraction=0"):
        read_seg(seg, series, fraction=0)


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda uid: UID(uid).name)
@pytest.mark.parametrize("numbers", [(1, 2), (7, 300), (1000, 65535)], ids=str)
def test_labelmap_of_8_and_16_bits(numbers: tuple[int, int], syntax: str, series: Series, mask: Mask) -> None:
    pixels = np.array([0, *numbers], dtype=np.uint16)[mask]
    seg = foreign(series, pixels, "LABELMAP", numbers, syntax)
    found, labels = read_seg(seg, series)
    assert list(labels) == [f"part {number}" for number in numbers]
    np.testing.assert_array_equal(found, np.array([0, *labels.values()])[mask])
    assert max(numbers) > 255 or tuple(labels.values()) == numbers
    wanted = {f"part {numbers[1]}": 9, f"part {numbers[0]}": 4}
    np.testing.assert_array_equal(read_seg(seg, series, wanted)[0], np.array([0, 4, 9])[mask])


def test_deflated(series: Series, mask: Mask, provenance: SegProvenance) -> None:
    seg = build_seg(series, mask, {"liver": 1, "spleen": 2}, provenance)
    seg.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    np.testing.assert_array_equal(read_seg(encoded(seg), series)[0], mask)


def test_bits_in_jpeg_2000(series: Series, mask: Mask) -> None:
    seg = foreign(series, mask, "BINARY", (1, 2), JPEG2000Lossless)
    np.testing.assert_array_equal(read_seg(seg, series)[0], mask)


def test_palette_colour(series: Series, mask: Mask) -> None:
    """The palette paints the values; it does not change them."""
    tables = [PaletteColorLUT(0, np.array(values, dtype=np.uint8), color) for values, color in
              (([0, 250, 9], "red"), ([0, 3, 8], "green"), ([0, 2, 7], "blue"))]  # fmt: skip
    palette = PaletteColorLUTTransformation(*tables)
    seg = foreign(series, mask, "LABELMAP", (1, 2), palette_color_lut_transformation=palette)
    assert seg.PhotometricInterpretation == "PALETTE COLOR"
    np.testing.assert_array_equal(read_seg(seg, series)[0], mask)


def test_overlap_by_choice(series: Series, mask: Mask) -> None:
    """The highest number wins, whatever the order of the frames."""
    stacked = np.stack([mask > 0, mask == 2], axis=-1).astype(np.uint8)
    seg = foreign(series, stacked, "BINARY", (1, 2))
    with pytest.raises(LabelError, match="overlap"):
        read_seg(seg, series)
    np.testing.assert_array_equal(read_seg(seg, series, overlap="last")[0], mask)
    reverse_frames(seg)
    np.testing.assert_array_equal(read_seg(seg, series, overlap="last")[0], mask)
    with pytest.raises(InputError, match="first"):
        read_seg(seg, series, overlap="first")  # type: ignore[arg-type]


def reverse_frames(seg: Dataset) -> None:
    bits = np.unpackbits(np.frombuffer(seg.PixelData, np.uint8), bitorder="little")
    frames = bits[: seg.NumberOfFrames * seg.Rows * seg.Columns].reshape(seg.NumberOfFrames, -1)[::-1]
    seg.PixelData = np.packbits(np.ascontiguousarray(frames), bitorder="little").tobytes()
    seg.PerFrameFunctionalGroupsSequence = list(seg.PerFrameFunctionalGroupsSequence)[::-1]


def test_a_seg_of_a_sister_series_is_taken_where_its_grid_fits(
    series: Series, mask: Mask, provenance: SegProvenance, caplog: pytest.LogCaptureFixture
) -> None:
    """Drawn on T1, used for T2 of the same study and frame of reference."""
    seg = build_seg(series, mask, {"liver": 1, "spleen": 2}, provenance)
    datasets = SeriesMaker(rows=ROWS, columns=COLUMNS).datasets()
    for number, dataset in enumerate(datasets):
        dataset.SeriesInstanceUID, dataset.SOPInstanceUID = "2.25.77", f"2.25.77.{number}"
    sister = load_series(datasets)
    with caplog.at_level(logging.WARNING):
        np.testing.assert_array_equal(read_seg(seg, sister)[0], mask)
    assert "names another series" in caplog.text
    for dataset in datasets:
        dataset.PixelSpacing = [1.0, 1.0]
    with pytest.raises(LabelError, match="voxel grid"):
        read_seg(seg, load_series(datasets))


@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP"])
def test_frames_of_one_instance_as_highdicom_writes_them(kind: str, mask: Mask) -> None:
    series = load_series(EnhancedMaker(rows=ROWS, columns=COLUMNS, slopes=[1.0] * 6).datasets())
    stored_order = [frame.number - 1 for frame in series.frames if frame.number]
    in_stored_order = np.zeros_like(mask)
    in_stored_order[stored_order] = mask
    seg = foreign(series, in_stored_order, kind, (1, 2))
    np.testing.assert_array_equal(read_seg(seg, series)[0], mask)


@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP"])
def test_pictures_by_reference_alone(kind: str, provenance: SegProvenance) -> None:
    maker = PictureMaker(3, rows=ROWS, columns=COLUMNS)
    series = load_series(maker.datasets())
    mask = np.zeros((3, ROWS, COLUMNS), dtype=np.uint8)
    mask[0, 2:5, 3], mask[2, 7, 8:12] = 1, 1
    seg = encoded(build_seg(series, mask, {"polyp": 1}, provenance, segmentation_type=kind))  # type: ignore[arg-type]
    np.testing.assert_array_equal(read_seg(seg, series)[0], mask)
    one, two = (item.DerivationImageSequence[0].SourceImageSequence[0] for item in seg.PerFrameFunctionalGroupsSequence)
    one.ReferencedSOPInstanceUID, two.ReferencedSOPInstanceUID = (
        two.ReferencedSOPInstanceUID,
        one.ReferencedSOPInstanceUID,
    )
    np.testing.assert_array_equal(read_seg(seg, series)[0], mask[::-1])
    one.ReferencedSOPInstanceUID = "2.25.3"
    with pytest.raises(LabelError, match="refers to 0 images"):
        read_seg(seg, series)


def test_single_picture_as_highdicom_writes_it() -> None:
    series = load_series(PictureMaker(1, rows=ROWS, columns=COLUMNS).datasets())
    mask = np.zeros((1, ROWS, COLUMNS), dtype=np.uint8)
    mask[0, 2:5, 3:9] = 1
    np.testing.assert_array_equal(read_seg(foreign(series, mask, "BINARY", (1,)), series)[0], mask)


def test_frame_that_contradicts_its_reference(series: Series, mask: Mask, provenance: SegProvenance) -> None:
    seg = encoded(build_seg(series, mask, {"liver": 1, "spleen": 2}, provenance))
    for item in seg.PerFrameFunctionalGroupsSequence:
        item.PlanePositionSequence[0].ImagePositionPatient[2] -= 2.5
    with pytest.raises(LabelError, match=r"lies in slice \d of the series, but refers to slice \d"):
        read_seg(seg, series)
