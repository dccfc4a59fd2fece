"""Pictures in DICOM: photographs, CR and DX, each slice alone, and SEGs that refer to them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers.dicom_pictures import KINDS, PictureMaker
from helpers.tools import assert_valid
from pydicom import dcmread
from pydicom.dataset import FileDataset
from pydicom.uid import generate_uid

from sdseg.dicom.gate import Accepted, Refused, examine
from sdseg.dicom.seg_reader import read_seg
from sdseg.dicom.seg_writer import SegProvenance, build_seg, save_seg
from sdseg.dicom.series import Series, load_series
from sdseg.errors import GeometryError


@pytest.mark.parametrize("kind", KINDS)
def test_pixels_and_shape(kind: str, tmp_path: Path) -> None:
    maker = PictureMaker(kind=kind, slices=3)
    series = load_series(maker.save(tmp_path))
    assert_valid(tmp_path / "IM_1.dcm")
    assert not series.is_volume and series.shape == (3, 20, 24)
    np.testing.assert_array_equal(series.pixels(), maker.pictures())
    np.testing.assert_array_equal(series.affine, np.eye(4))
    assert series.modality == kind[:2] and series.corrections == ()
    with pytest.raises(GeometryError, match="no place in the patient"):
        _ = series.grid


def test_pictures_follow_each_other_by_instance_number() -> None:
    maker = PictureMaker(slices=3, numbers=(12, 3, 7))
    series = Series.from_datasets(maker.datasets())
    assert [dataset.InstanceNumber for dataset in series.datasets] == [3, 7, 12]
    np.testing.assert_array_equal(series.pixels(), maker.pictures()[[1, 2, 0]])


def test_frames_of_an_ophthalmic_instance_are_pictures() -> None:
    maker = PictureMaker(kind="OP", slices=2)
    (first, second) = maker.datasets()
    first.NumberOfFrames, first.PixelData = 2, first.PixelData + second.PixelData
    series = Series.from_datasets([first])
    assert [frame.number for frame in series.frames] == [1, 2]
    np.testing.assert_array_equal(series.pixels(), maker.pictures())


def stored_as(photometric: str, pixels: np.ndarray, **attributes: object) -> FileDataset:
    (dataset,) = PictureMaker().datasets()
    dataset.PhotometricInterpretation, dataset.PixelData = photometric, pixels.astype(np.uint8).tobytes()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def ybr(rgb: np.ndarray) -> np.ndarray:
    """PS3.3 C.7.6.3.1.2, written again."""
    red, green, blue = np.moveaxis(rgb.astype(float), -1, 0)
    y = 0.299 * red + 0.587 * green + 0.114 * blue
    cb = -0.168736 * red - 0.331264 * green + 0.5 * blue + 128
    cr = 0.5 * red - 0.418688 * green - 0.081312 * blue + 128
    return np.clip(np.round(np.stack([y, cb, cr], axis=-1)), 0, 255)


def test_planar_configuration() -> None:
    rgb = PictureMaker().pictures()[0]
    dataset = stored_as("RGB", rgb.transpose(2, 0, 1), PlanarConfiguration=1)
    np.testing.assert_array_equal(Series.from_datasets([dataset]).pixels()[0], rgb)


@pytest.mark.parametrize("planar", [0, 1])
def test_ybr_full(planar: int) -> None:
    rgb = PictureMaker().pictures()[0]
    stored = ybr(rgb).transpose(2, 0, 1) if planar else ybr(rgb)
    dataset = stored_as("YBR_FULL", stored, PlanarConfiguration=planar)
    assert np.abs(Series.from_datasets([dataset]).pixels()[0] - rgb).max() <= 2


def test_ybr_full_422() -> None:
    """Two pixels share their colour, so the picture has columns in pairs."""
    rgb = PictureMaker().pictures()[0].repeat(2, axis=1)
    whole = ybr(rgb)
    left, right = whole[:, ::2], whole[:, 1::2]
    stored = np.stack([left[..., 0], right[..., 0], left[..., 1], left[..., 2]], axis=-1)
    dataset = stored_as("YBR_FULL_422", stored, Columns=48)
    assert np.abs(Series.from_datasets([dataset]).pixels()[0] - rgb).max() <= 2
    dataset.PixelData = dataset.PixelData[:-2]
    answer = examine([dataset])
    assert isinstance(answer, Refused) and "truncated" in answer.reason


@pytest.mark.parametrize("bits", [8, 16])
def test_palette(bits: int) -> None:
    random = np.random.default_rng(0)
    palette, index = random.integers(0, 256, (256, 3)), random.integers(0, 256, (20, 24))
    dataset = stored_as("PALETTE COLOR", index, SamplesPerPixel=1)
    del dataset.PlanarConfiguration
    for channel, name in enumerate(("Red", "Green", "Blue")):
        entries = palette[:, channel] * (257 if bits == 16 else 1)
        setattr(dataset, f"{name}PaletteColorLookupTableDescriptor", [256, 0, bits])
        table = entries.astype("<u2" if bits == 16 else "u1").tobytes()
        setattr(dataset, f"{name}PaletteColorLookupTableData", table)
    np.testing.assert_array_equal(Series.from_datasets([dataset]).pixels()[0], palette[index])
    del dataset.GreenPaletteColorLookupTableData
    with pytest.raises(Exception, match="no usable palette"):
        Series.from_datasets([dataset]).pixels()


def test_grey_photograph_and_monochrome1() -> None:
    grey = PictureMaker().pictures()[0, ..., 0]
    dataset = stored_as("MONOCHROME2", grey, SamplesPerPixel=1)
    series = Series.from_datasets([dataset])
    assert series.channels == 1
    np.testing.assert_array_equal(series.pixels()[0], grey)
    dataset.PhotometricInterpretation = "MONOCHROME1"
    answer = examine([dataset])
    assert isinstance(answer, Accepted)
    assert "instance 1 are MONOCHROME1" in answer.corrections[0]
    np.testing.assert_array_equal(answer.series.pixels()[0], 255 - grey.astype(int))


def change(index: int, **values: object) -> Callable[[list[FileDataset]], None]:
    def apply(datasets: list[FileDataset]) -> None:
        for keyword, value in values.items():
            setattr(datasets[index], keyword, value)

    return apply


REFUSED: dict[str, tuple[Callable[[list[FileDataset]], None], list[str]]] = {
    "sizes": (change(1, Rows=10), ["instance 2", "Rows and Columns ((10, 24) instead of (20, 24))"]),
    "series": (change(1, SeriesInstanceUID=generate_uid()), ["instance 2", "SeriesInstanceUID"]),
    "patients": (change(1, PatientID="OTHER"), ["instance 2", "PatientID"]),
    "modalities": (change(1, Modality="XC"), ["instance 2", "Modality"]),
    "grey and colour": (
        change(1, SamplesPerPixel=1, PhotometricInterpretation="MONOCHROME2"),
        ["instance 2", "colour channels (1 instead of 3)"],
    ),
    "many bits": (change(1, BitsAllocated=16), ["instance 2", "16 bits for each colour"]),
    "no size": (change(1, Rows=0), ["instance 2", "Rows and Columns"]),
    "several frames": (change(1, NumberOfFrames=2), ["instance 2", "several frames"]),
    "samples": (change(1, SamplesPerPixel=4), ["instance 2"]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_pictures_that_do_not_belong_together_are_refused(case: str) -> None:
    spoil, expected = REFUSED[case]
    datasets = PictureMaker(slices=3).datasets()
    spoil(datasets)
    answer = examine(datasets)
    assert isinstance(answer, Refused)
    assert [part for part in expected if part not in answer.reason] == [], answer.reason
    assert answer.instances == (datasets[1].SOPInstanceUID,)


@pytest.mark.parametrize("slices", [1, 3])
@pytest.mark.parametrize("kind", ["ES", "XC", "OP", "CR", "DX"])
def test_a_seg_refers_to_pictures_without_a_place(
    kind: str, slices: int, provenance: SegProvenance, tmp_path: Path
) -> None:
    series = Series.from_datasets(PictureMaker(kind=kind, slices=slices).datasets())
    mask = np.zeros(series.shape, dtype=np.uint8)
    mask[0, 2:9, 3:17], mask[-1, 12:17, 1:5] = 1, 2
    path = save_seg(build_seg(series, mask, {"polyp": 1, "tooth": 2}, provenance), tmp_path / "seg.dcm")
    assert_valid(path)
    labelmap, labels = read_seg(path, series)
    np.testing.assert_array_equal(labelmap, mask)
    assert labels == {"polyp": 1, "tooth": 2}
    seg = dcmread(path)
    assert "FrameOfReferenceUID" not in seg and "PlaneOrientationSequence" not in seg.SharedFunctionalGroupsSequence[0]
    referenced = [
        frame.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
        for frame in seg.PerFrameFunctionalGroupsSequence
    ]
    assert referenced == [series.datasets[0].SOPInstanceUID, series.datasets[-1].SOPInstanceUID]
    assert seg.ReferencedSeriesSequence[0].ReferencedInstanceSequence[0].ReferencedSOPClassUID == KINDS[kind]


def test_a_seg_of_other_pictures_is_refused(provenance: SegProvenance, tmp_path: Path) -> None:
    maker, other = PictureMaker(), PictureMaker()
    series = Series.from_datasets(maker.datasets())
    mask = np.ones(series.shape, dtype=np.uint8)
    path = save_seg(build_seg(series, mask, {"polyp": 1}, provenance), tmp_path / "seg.dcm")
    datasets = other.datasets()
    datasets[0].SOPInstanceUID = generate_uid()
    with pytest.raises(Exception, match="refers to 0 images of the series"):
        read_seg(path, Series.from_datasets(datasets))
