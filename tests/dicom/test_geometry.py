"""The geometry gate: what passes, what is refused, and whether the sentence names culprit and remedy."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers.dicom_series import SeriesMaker, orientations
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import (
    EnhancedMRImageStorage,
    SecondaryCaptureImageStorage,
    SegmentationStorage,
    generate_uid,
)

from sdseg.dicom.geometry import SeriesGeometry
from sdseg.dicom.series import Series
from sdseg.errors import GeometryError


def grid_of(datasets: list[Dataset]) -> SeriesGeometry:
    return Series.from_datasets(datasets).grid


@pytest.mark.parametrize("name", orientations())
def test_any_orientation_gives_the_affine_of_its_headers(name: str) -> None:
    """The affine maps (column, row, slice) where PS3.3 C.7.6.2.1.1 puts that pixel."""
    maker = SeriesMaker(orientation=orientations()[name])
    datasets = maker.datasets()
    shuffled = [datasets[i] for i in (3, 0, 5, 1, 4, 2)]
    geometry = grid_of(shuffled)
    assert [shuffled[i].InstanceNumber for i in geometry.order] == [1, 2, 3, 4, 5, 6]
    assert geometry.shape == (6, 20, 24)
    for column, row, index in [(0, 0, 0), (23, 0, 0), (0, 19, 0), (7, 11, 5)]:
        cosines = np.array(maker.orientation)
        lps = maker.position(index) + column * 0.7 * cosines[:3] + row * 0.9 * cosines[3:]
        ras = geometry.affine @ [column, row, index, 1]
        np.testing.assert_allclose(ras[:3], lps * [-1, -1, 1], atol=1e-4)


def test_slices_are_sorted_along_the_normal_whatever_their_numbers() -> None:
    datasets = SeriesMaker().datasets()
    for dataset, number in zip(datasets, (6, 5, 4, 3, 2, 1), strict=True):
        dataset.InstanceNumber = number
    assert grid_of(datasets).order == (0, 1, 2, 3, 4, 5)


def test_regular_series_needs_no_correction() -> None:
    geometry = grid_of(SeriesMaker(orientation=[1, 0, 0, 0, 1, 0]).datasets())
    assert geometry.corrections == ()
    assert geometry.slice_spacing == pytest.approx(2.5)
    assert geometry.pixel_spacing == (0.9, 0.7)


def test_orientation_jitter_is_snapped_and_reported() -> None:
    datasets = SeriesMaker().datasets()
    datasets[2].ImageOrientationPatient = [1, 1e-8, 0, 0, 1, 0]
    datasets[4].ImageOrientationPatient = [1, 0, 0, 0, 0.9996, 0]
    geometry = grid_of(datasets)
    assert geometry.image_orientation.tolist() == [1, 0, 0, 0, 1, 0]
    assert "ImageOrientationPatient" in geometry.corrections[0]


def test_position_jitter_within_tolerance_is_reported() -> None:
    datasets = SeriesMaker().datasets()
    datasets[2].ImagePositionPatient[0] += 0.008
    assert "off the regular grid" in grid_of(datasets).corrections[0]


def edit(index: int, **attributes: object) -> Callable[[list[Dataset]], object]:
    """A change of one dataset; None deletes an attribute."""

    def change(datasets: list[Dataset]) -> None:
        for keyword, value in attributes.items():
            delattr(datasets[index], keyword) if value is None else setattr(datasets[index], keyword, value)

    return change


def move(index: int, *mm: float) -> Callable[[list[Dataset]], object]:
    def change(datasets: list[Dataset]) -> None:
        position = datasets[index].ImagePositionPatient
        datasets[index].ImagePositionPatient = [a + b for a, b in zip(position, mm, strict=True)]

    return change


def tilt(datasets: list[Dataset]) -> None:
    for index, dataset in enumerate(datasets):
        move(0, 0, index * 2.5 * np.tan(np.radians(15)), 0)([dataset])


REFUSED: dict[str, tuple[Callable[[list[Dataset]], object], list[str]]] = {
    "single slice": (lambda d: d.__delitem__(slice(1, None)), ["1 slice", "send all"]),
    "no slice": (lambda d: d.clear(), ["0 slice"]),
    "missing slice": (
        lambda d: d.pop(3),
        ["1 slice(s) are missing", "instance 3 at 75.75", "instance 5 at 80.75"],
    ),
    "two missing of three": (
        lambda d: [d.pop(1), d.pop(1), d.pop()],
        ["2 slice(s)", "instance 1", "instance 4"],
    ),
    "duplicate": (
        move(3, 0, 0, 2.5),
        ["instance 4 and instance 5", "same position", "80.75 mm", "remove the copy"],
    ),
    "time series": (
        lambda d: d.extend(SeriesMaker().datasets()),
        ["same position", "one volume per time point"],
    ),
    "irregular": (move(3, 0, 0, 0.6), ["irregular", "3.100 mm", "2.500 mm elsewhere", "instance 3"]),
    "slightly irregular": (move(3, 0, 0, 0.03), ["irregular", "2.530 mm"]),
    "shifted slice": (move(3, 0.05, 0, 0), ["instance 4", "0.050 mm off"]),
    "gantry tilt": (tilt, ["15.0 degrees", "gantry tilt", "resample"]),
    "mixed rows": (edit(2, Rows=18), ["instance 3", "Rows and Columns"]),
    "mixed spacing": (edit(2, PixelSpacing=[0.9, 0.8]), ["instance 3", "PixelSpacing"]),
    "mixed series": (edit(2, SeriesInstanceUID=generate_uid()), ["instance 3", "SeriesInstanceUID"]),
    "mixed patient": (edit(2, PatientID="OTHER"), ["instance 3", "PatientID"]),
    "mixed frame": (edit(2, FrameOfReferenceUID=generate_uid()), ["instance 3", "FrameOfReferenceUID"]),
    "mixed orientation": (
        edit(2, ImageOrientationPatient=[1, 0, 0, 0, 0.99995, 0.0101]),
        ["instance 3", "oriented differently", "0.01"],
    ),
    "no orientation": (edit(1, ImageOrientationPatient=None), ["instance 2", "ImageOrientationPatient"]),
    "no position": (edit(1, ImagePositionPatient=None), ["instance 2", "ImagePositionPatient"]),
    "no spacing": (edit(1, PixelSpacing=None), ["instance 2", "PixelSpacing"]),
    "no frame": (edit(1, FrameOfReferenceUID=None), ["instance 2", "FrameOfReferenceUID"]),
    "empty position": (edit(1, ImagePositionPatient=[]), ["instance 2", "ImagePositionPatient"]),
    "short orientation": (edit(1, ImageOrientationPatient=[1, 0, 0]), ["ImageOrientationPatient"]),
    "zero spacing": (edit(1, PixelSpacing=[0, 1]), ["instance 2", "positive"]),
    "skewed": (edit(1, ImageOrientationPatient=[1, 0, 0, 0.1, 0.995, 0]), ["instance 2", "right angle"]),
    "zero cosines": (edit(1, ImageOrientationPatient=[0, 0, 0, 0, 0, 0]), ["instance 2", "length one"]),
    "localizer": (edit(0, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]), ["instance 1", "localizer"]),
    "segmentation": (edit(0, SOPClassUID=SegmentationStorage), ["instance 1", "Segmentation Storage"]),
    "enhanced among them": (
        edit(0, SOPClassUID=EnhancedMRImageStorage),
        ["instance 1", "multi-frame volume instead of single-frame volume"],
    ),
    "photograph": (edit(0, SOPClassUID=SecondaryCaptureImageStorage), ["Secondary Capture"]),
    "no class": (edit(0, SOPClassUID=None), ["instance 1", "unknown"]),
    "colour": (edit(0, SamplesPerPixel=3), ["instance 1", "colour"]),
    "frames": (edit(0, NumberOfFrames=2), ["several frames"]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_unsafe_geometry_is_refused_in_one_sentence(case: str) -> None:
    change, expected = REFUSED[case]
    datasets = SeriesMaker().datasets()
    change(datasets)
    with pytest.raises(GeometryError) as caught:
        grid_of(datasets)
    message = str(caught.value)
    assert [part for part in expected if part not in message] == [], message
    assert "\n" not in message and message.endswith(".") and "SECRET" not in message


@pytest.mark.parametrize("text", [b"1\\0\\0\\0\\abc\\0 ", b"nan\\0\\0\\0\\1\\0", b"inf\\0\\0\\0\\1\\0"])
def test_orientation_that_is_no_number_is_refused(text: bytes, tmp_path: Path) -> None:
    datasets = SeriesMaker().datasets()
    path = tmp_path / "damaged.dcm"
    datasets[2].save_as(path, enforce_file_format=True)
    good = b"1\\0\\0\\0\\1\\0"
    content = path.read_bytes()
    assert content.count(good) == 1
    length = len(good) + len(good) % 2
    start = content.index(good)
    damaged = content[: start - 2] + len(text).to_bytes(2, "little") + text + content[start + length :]
    path.write_bytes(damaged)
    datasets[2] = dcmread(path)
    with pytest.raises(GeometryError, match=r"instance 3 \(damaged.dcm\) has no usable ImageOrientationPatient"):
        grid_of(datasets)


def test_a_geometry_is_valid_or_not_built() -> None:
    geometry = grid_of(SeriesMaker().datasets())
    with pytest.raises(ValueError, match="positions"):
        SeriesGeometry(
            order=(0, 1, 2),
            image_orientation=geometry.image_orientation,
            positions=geometry.positions,
            pixel_spacing=(1, 1),
            slice_spacing=1,
            rows=2,
            columns=2,
            frame_of_reference_uid="1.2",
        )
    with pytest.raises(ValueError, match="read-only"):
        geometry.positions[0, 0] = 5


def thinned(every: int, numbers_too: bool = True) -> list[Dataset]:
    """A series that says how far apart its slices lay before all but each `every`th of them were lost."""
    datasets = SeriesMaker(slices=7, modality="MR").datasets()
    for dataset in datasets:
        dataset.SpacingBetweenSlices = "2.5"
    kept = datasets[::every]
    if not numbers_too:
        for number, dataset in enumerate(kept, 1):
            dataset.InstanceNumber = number
    return kept


@pytest.mark.parametrize("every", [2, 3, 6])
def test_a_series_that_lost_slices_everywhere_is_refused(every: int) -> None:
    kept = thinned(every)
    with pytest.raises(GeometryError, match=r"SpacingBetweenSlices says 2\.5 mm.*in steps of") as caught:
        grid_of(kept)
    assert f"lie {every * 2.5:g} mm apart" in str(caught.value)
    assert set(caught.value.instances) == {dataset.SOPInstanceUID for dataset in kept}


def test_one_sign_of_lost_slices_alone_proves_nothing() -> None:
    """A gap written for the spacing; echoes that are numbered through."""
    assert grid_of(thinned(2, numbers_too=False)).slice_spacing == pytest.approx(5.0)
    echoes = SeriesMaker(modality="MR").datasets()
    for index, dataset in enumerate(echoes):
        dataset.SpacingBetweenSlices, dataset.InstanceNumber = "2.5", 2 * index + 1
    assert grid_of(echoes).slice_spacing == pytest.approx(2.5)
    assert grid_of(thinned(1)).corrections == ()
