"""Reading a series: folders as they are, damaged files, and pixels as modality values."""

import logging
import shutil
from pathlib import Path

import numpy as np
import pytest
from helpers.dicom_series import SeriesMaker, save_all
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.pixels import compress
from pydicom.sequence import Sequence
from pydicom.uid import BasicTextSRStorage, JPEG2000Lossless, JPEGLSLossless, RLELossless, SegmentationStorage

from sdseg.dicom.series import find_series, load_series
from sdseg.errors import InputError, SdsegError


def sentence(error: pytest.ExceptionInfo[SdsegError]) -> str:
    message = str(error.value)
    assert "\n" not in message and "SECRET" not in message and message.endswith("."), message
    return message


def test_find_series_lists_images_only(tmp_path: Path) -> None:
    one, two = SeriesMaker(), SeriesMaker(name="two", modality="MR", slices=4)
    one.save(tmp_path / "a" / "deep")
    two.save(tmp_path / "b")
    (tmp_path / "notes.txt").write_text("not DICOM")
    seg = one.datasets()[0]
    seg.SOPClassUID = seg.file_meta.MediaStorageSOPClassUID = SegmentationStorage
    seg.Modality, seg.SeriesInstanceUID = "SEG", one.uid("seg")
    save_all([seg], tmp_path / "c")
    found = find_series(tmp_path)
    assert {uid: len(files) for uid, files in found.items()} == {one.uid("series"): 6, two.uid("series"): 4}
    assert found[one.uid("series")] == sorted(found[one.uid("series")])


def test_find_series_names_damaged_files(ct_folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    (ct_folder / "IM_9.dcm").write_bytes((ct_folder / "IM_1.dcm").read_bytes()[:170])
    with caplog.at_level(logging.WARNING):
        assert [len(files) for files in find_series(ct_folder).values()] == [6]
    assert "IM_9.dcm" in caplog.text and "SECRET" not in caplog.text


def test_load_series_from_folder_files_and_datasets(ct_folder: Path) -> None:
    files = sorted(ct_folder.iterdir(), reverse=True)
    for source in (ct_folder, str(ct_folder), files, [dcmread(file) for file in files]):
        series = load_series(source)
        assert [ds.InstanceNumber for ds in series.datasets] == [1, 2, 3, 4, 5, 6]
        assert series.modality == "CT"
        assert series.series_instance_uid == SeriesMaker().uid("series")
        assert series.study_instance_uid == SeriesMaker().uid("study")


def test_several_series_need_a_choice(tmp_path: Path) -> None:
    one, two = SeriesMaker(), SeriesMaker(name="two", modality="MR")
    one.save(tmp_path / "one")
    two.save(tmp_path / "two")
    with pytest.raises(InputError) as caught:
        load_series(tmp_path)
    assert f"{one.uid('series')} (CT, 6 images)" in sentence(caught)
    assert load_series(tmp_path, two.uid("series")).modality == "MR"
    with pytest.raises(InputError, match=r"does not hold the series 1\.2\.3"):
        load_series(tmp_path, "1.2.3")
    both = one.datasets() + two.datasets()
    with pytest.raises(InputError, match="choose one"):
        load_series(both)
    assert load_series(both, two.uid("series")).modality == "MR"
    with pytest.raises(InputError, match=r"1\.2\.3 is not among"):
        load_series(both, "1.2.3")


def test_missing_and_empty_folders(tmp_path: Path) -> None:
    (tmp_path / "readme.txt").write_text("hello")
    for source, expected in [
        (tmp_path / "nowhere", "does not exist"),
        (tmp_path, "holds no DICOM images"),
        (tmp_path / "readme.txt", "readme.txt is not a DICOM file"),
        ([tmp_path / "nowhere.dcm"], "does not exist"),
        ([], "No DICOM images were given"),
    ]:
        with pytest.raises(InputError) as caught:
            load_series(source)
        assert expected in sentence(caught)
    with pytest.raises(InputError, match=r"readme\.txt is not a folder"):
        find_series(tmp_path / "readme.txt")


def test_a_folder_without_images_says_what_it_holds(tmp_path: Path) -> None:
    datasets = SeriesMaker().datasets()[:3]
    for dataset, kind in zip(datasets, (BasicTextSRStorage, SegmentationStorage, BasicTextSRStorage), strict=True):
        dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = kind
        if kind == BasicTextSRStorage:
            del dataset.Rows
    with pytest.raises(InputError) as caught:
        load_series(save_all(datasets, tmp_path))
    assert "2 of the kind Basic Text SR Storage, 1 of the kind Segmentation Storage" in sentence(caught)


@pytest.mark.parametrize("size", [133, 200, 400, 700, 1000, 1400, 2000])
def test_truncated_file_is_named(ct_folder: Path, size: int) -> None:
    """Wherever it was cut, in the header or in the pixels."""
    path = ct_folder / "IM_4.dcm"
    content = path.read_bytes()
    assert len(content) > 2000
    path.write_bytes(content[:size])
    with pytest.raises(InputError) as caught:
        load_series(ct_folder)
    assert "IM_4.dcm" in sentence(caught)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_random_damage_never_gives_a_raw_traceback(ct_folder: Path, tmp_path: Path) -> None:
    """A bit flip gives a series, or a sentence."""
    random = np.random.default_rng(3)
    content = bytearray((ct_folder / "IM_4.dcm").read_bytes())
    refused = 0
    for _ in range(150):
        damaged = bytearray(content)
        for position in random.integers(132, 1300, 3):
            damaged[position] = int(random.integers(256))
        (ct_folder / "IM_4.dcm").write_bytes(damaged)
        try:
            load_series(ct_folder).pixels()
        except SdsegError as error:
            refused += 1
            assert "\n" not in str(error)
    assert refused > 10


def test_ct_pixels_are_hounsfield_units() -> None:
    maker = SeriesMaker()
    pixels = load_series(maker.datasets()).pixels()
    assert pixels.dtype == np.float32 and pixels.shape == (6, 20, 24)
    np.testing.assert_array_equal(pixels, maker.stored().astype(np.float32) - 1000)


def test_missing_rescale_is_identity() -> None:
    maker = SeriesMaker(modality="MR")
    datasets = maker.datasets()
    datasets[1].RescaleSlope = 2  # alone, and of one slice only, as PET has it
    pixels = load_series(datasets).pixels()
    np.testing.assert_array_equal(pixels[0], maker.stored()[0])
    np.testing.assert_array_equal(pixels[1], maker.stored()[1] * 2.0)


def test_signed_and_unsigned_pixels() -> None:
    maker = SeriesMaker(modality="MR")
    datasets = maker.datasets()
    values = maker.stored() - 1000
    for dataset, plane in zip(datasets, values, strict=True):
        dataset.PixelData = plane.tobytes()
    assert load_series(datasets).pixels().min() < 0
    for dataset in datasets:
        dataset.PixelRepresentation = 0
    assert load_series(datasets).pixels().min() >= 0


def test_monochrome1_is_inverted_but_hounsfield_units_are_not() -> None:
    for modality, inverted in (("MR", True), ("CT", False)):
        datasets = SeriesMaker(modality=modality).datasets()
        usual = load_series(datasets).pixels()
        for dataset in datasets:
            dataset.PhotometricInterpretation = "MONOCHROME1"
        np.testing.assert_array_equal(load_series(datasets).pixels(), -1 - usual if inverted else usual)
    unsigned = SeriesMaker(modality="MR").datasets()
    for dataset in unsigned:
        dataset.PixelRepresentation, dataset.BitsStored, dataset.HighBit = 0, 12, 11
        dataset.PhotometricInterpretation = "MONOCHROME1"
    np.testing.assert_array_equal(load_series(unsigned).pixels(), 4095 - usual - 1000)


def test_modality_lut_sequence_is_applied() -> None:
    maker = SeriesMaker(modality="MR")
    datasets = maker.datasets()
    table = np.arange(2000, dtype=np.uint16)[::-1]
    for dataset in datasets:
        lut = Dataset()
        lut.LUTDescriptor, lut.ModalityLUTType = [2000, 0, 16], "US"
        lut["LUTDescriptor"].VR = "US"
        lut.LUTData = table.tobytes()
        lut["LUTData"].VR = "OW"
        dataset.ModalityLUTSequence = Sequence([lut])
    np.testing.assert_array_equal(load_series(datasets).pixels(), 1999.0 - maker.stored())


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless], ids=lambda uid: uid.name)
def test_compressed_pixels(syntax: str, tmp_path: Path) -> None:
    datasets = SeriesMaker().datasets()
    usual = load_series(datasets).pixels()
    for dataset in datasets:
        compress(dataset, syntax)
    np.testing.assert_array_equal(load_series(save_all(datasets, tmp_path)).pixels(), usual)


def test_pixels_that_cannot_be_decompressed_are_named(tmp_path: Path) -> None:
    datasets = SeriesMaker().datasets()
    for dataset in datasets:
        compress(dataset, RLELossless)
    datasets[2].file_meta.TransferSyntaxUID = JPEG2000Lossless
    with pytest.raises(InputError) as caught:
        load_series(save_all(datasets, tmp_path)).pixels()
    assert "IM_3.dcm" in sentence(caught) and "JPEG 2000" in str(caught.value)


@pytest.mark.parametrize(("slope", "expected"), [(b"abc ", "no number"), (b"0   ", "RescaleSlope of 0")])
def test_unusable_rescale_slope(ct_folder: Path, slope: bytes, expected: str) -> None:
    path = ct_folder / "IM_2.dcm"
    content = path.read_bytes()
    at = content.index(b"\x28\x00\x53\x10DS")
    path.write_bytes(content[: at + 6] + b"\x04\x00" + slope + content[at + 12 :])
    with pytest.raises(InputError, match=expected) as caught:
        load_series(ct_folder).pixels()
    assert "IM_2.dcm" in sentence(caught)


def test_loading_leaves_files_alone(ct_folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(ct_folder, tmp_path / "copy")
    load_series(ct_folder).pixels()
    assert all(path.read_bytes() == (copy / path.name).read_bytes() for path in ct_folder.iterdir())
