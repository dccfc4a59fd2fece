"""Damaged and hostile segmentations end in one sentence, never in a traceback, a hang or a flood of memory."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers.dicom_series import SeriesMaker
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless

from sdseg.dicom.seg_check import encoded
from sdseg.dicom.seg_reader import read_seg
from sdseg.dicom.seg_writer import SegmentationType, SegProvenance, build_seg
from sdseg.dicom.series import Series, load_series
from sdseg.errors import LabelError, SdsegError

KINDS: list[SegmentationType] = ["BINARY", "LABELMAP"]
pytestmark = [pytest.mark.filterwarnings("ignore::UserWarning")]


@pytest.fixture(scope="module")
def series() -> Series:
    return load_series(SeriesMaker(rows=33, columns=35).datasets())


@pytest.fixture(scope="module")
def files(series: Series) -> dict[str, bytes]:
    """A good SEG of each type, as a file."""
    provenance = SegProvenance("SDSeg toy", "1.2", "0123456789abcdef" * 4, seed=7, steps=1, preset="tiny")
    mask = np.zeros(series.shape, dtype=np.uint8)
    mask[1:4, 3:9, 5:20], mask[2, 12:17, 1:5] = 1, 2
    found = {}
    for kind in KINDS:
        buffer = io.BytesIO()
        seg = build_seg(series, mask, {"liver": 1, "spleen": 2}, provenance, segmentation_type=kind)
        seg.save_as(buffer, enforce_file_format=True)
        found[kind] = buffer.getvalue()
    return found


def opened(data: bytes) -> Dataset:
    return dcmread(io.BytesIO(data))


def outcome(seg: Dataset | Path, series: Series) -> NDArray[np.uint8] | str:
    """The mask, or the one line with which the SEG was refused; anything else is a failure."""
    try:
        return read_seg(seg, series)[0]
    except SdsegError as error:
        assert "\n" not in str(error) and "SECRET" not in str(error) and str(error).endswith(".")
        return str(error)


def sequences(dataset: Dataset, path: tuple = ()) -> list[tuple]:
    """Where the sequences of a dataset are: keywords and item numbers."""
    found = []
    for element in dataset:
        if element.VR == "SQ":
            found.append((*path, element.keyword))
            for index, item in enumerate(element.value[:2]):
                found += sequences(item, (*path, element.keyword, index))
    return found


def holder(dataset: Dataset, path: tuple) -> tuple[Dataset, str]:
    for step in path[:-1]:
        dataset = dataset[step].value if isinstance(step, str) else dataset[step]  # type: ignore[index]
    return dataset, path[-1]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("spoil", ["delete", "empty", "twice", "one empty item"])
def test_every_sequence_that_is_missing_or_odd(spoil: str, kind: str, files: dict[str, bytes], series: Series) -> None:
    good = outcome(opened(files[kind]), series)
    needed = 0
    for path in sequences(opened(files[kind])):
        seg = opened(files[kind])
        parent, keyword = holder(seg, path)
        if spoil == "delete":
            del parent[keyword]
        elif spoil == "empty":
            setattr(parent, keyword, [])
        elif spoil == "twice":
            setattr(parent, keyword, Sequence([*parent[keyword].value, *parent[keyword].value]))
        else:
            setattr(parent, keyword, Sequence([Dataset()]))
        found = outcome(seg, series)
        needed += isinstance(found, str)
        assert isinstance(found, str) or np.array_equal(found, good), path
    assert needed >= 2


HOSTILE: dict[str, Callable[[Dataset], object]] = {
    "a million frames": lambda seg: setattr(seg, "NumberOfFrames", 1_000_000),
    "no frames": lambda seg: setattr(seg, "NumberOfFrames", 0),
    "fewer frames": lambda seg: setattr(seg, "NumberOfFrames", 1),
    "minus one frame": lambda seg: setattr(seg, "NumberOfFrames", -1),
    "giant rows": lambda seg: setattr(seg, "Rows", 65535),
    "giant frames": lambda seg: (setattr(seg, "Rows", 65535), setattr(seg, "Columns", 65535)),
    "no rows": lambda seg: seg.pop("Rows"),
    "zero columns": lambda seg: setattr(seg, "Columns", 0),
    "no pixels": lambda seg: seg.pop("PixelData"),
    "empty pixels": lambda seg: setattr(seg, "PixelData", b""),
    "half the pixels": lambda seg: setattr(seg, "PixelData", seg.PixelData[: len(seg.PixelData) // 4 * 2]),
    "colours": lambda seg: setattr(seg, "SamplesPerPixel", 3),
    "no bits": lambda seg: setattr(seg, "BitsAllocated", 0),
    "32 bits": lambda seg: setattr(seg, "BitsAllocated", 32),
    "no bits allocated": lambda seg: seg.pop("BitsAllocated"),
    "unknown transfer syntax": lambda seg: setattr(seg.file_meta, "TransferSyntaxUID", "1.2.3.4"),
    "said to be RLE": lambda seg: setattr(seg.file_meta, "TransferSyntaxUID", RLELossless),
    "said to be JPEG 2000": lambda seg: setattr(seg.file_meta, "TransferSyntaxUID", JPEG2000Lossless),
    "said to be JPEG-LS": lambda seg: setattr(seg.file_meta, "TransferSyntaxUID", JPEGLSLossless),
    "no transfer syntax": lambda seg: seg.file_meta.pop("TransferSyntaxUID"),
    "no file meta": lambda seg: delattr(seg, "file_meta"),
    "position at infinity": lambda seg: place(seg, [1e300, 0, 0]),
    "position that is none": lambda seg: place(seg, [0, 0]),
    "no spacing": lambda seg: setattr(measures(seg), "PixelSpacing", [0, 0]),
    "negative spacing": lambda seg: setattr(measures(seg), "PixelSpacing", [-1, 1]),
    "zero orientation": lambda seg: turn(seg, [0, 0, 0, 0, 0, 0]),
    "text as segment number": lambda seg: setattr(seg.SegmentSequence[-1], "SegmentNumber", None),
}


def place(seg: Dataset, position: list[float]) -> None:
    seg.PerFrameFunctionalGroupsSequence[0].PlanePositionSequence[0].ImagePositionPatient = position


def measures(seg: Dataset) -> Dataset:
    item: Dataset = seg.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    return item


def turn(seg: Dataset, orientation: list[float]) -> None:
    seg.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence[0].ImageOrientationPatient = orientation


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", HOSTILE)
def test_claims_that_cannot_be_true(case: str, kind: str, files: dict[str, bytes], series: Series) -> None:
    seg = opened(files[kind])
    HOSTILE[case](seg)
    assert isinstance(outcome(seg, series), str)


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless, JPEGLSLossless], ids=lambda uid: str(uid.name))
def test_compressed_frames_that_are_cut_or_damaged(
    syntax: str, files: dict[str, bytes], series: Series, tmp_path: Path
) -> None:
    seg = opened(files["LABELMAP"])
    plugin = "pydicom" if syntax == RLELossless else ""
    seg.compress(syntax, encoding_plugin=plugin, generate_instance_uid=False)
    whole = encoded(seg).PixelData
    random = np.random.default_rng(3)
    for _ in range(20):
        damaged = bytearray(whole)
        for at in random.integers(24, len(whole), 6):
            damaged[at] = random.integers(256)
        for data in (bytes(damaged), whole[: random.integers(20, len(whole)) // 2 * 2]):
            seg.PixelData = data
            outcome(seg, series)


@pytest.mark.parametrize("kind", KINDS)
def test_files_cut_or_damaged_anywhere(kind: str, files: dict[str, bytes], series: Series, tmp_path: Path) -> None:
    good, path = outcome(opened(files[kind]), series), tmp_path / "seg.dcm"
    random, whole, refused = np.random.default_rng(5), files[kind], 0
    for _ in range(60):
        path.write_bytes(whole[: random.integers(len(whole) - 2)])
        assert isinstance(outcome(path, series), str)
        damaged = bytearray(whole)
        for at in random.integers(132, len(whole), 3):
            damaged[at] ^= 1 << random.integers(8)
        path.write_bytes(damaged)
        refused += isinstance(outcome(path, series), str)
    assert not isinstance(good, str) and refused


def test_text_where_a_sequence_belongs(files: dict[str, bytes], series: Series) -> None:
    seg = opened(files["BINARY"])
    for keyword in ("SegmentSequence", "PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence"):
        tag = seg[keyword].tag
        del seg[keyword]
        seg.add_new(tag, "LO", "nonsense")
        with pytest.raises(LabelError):
            read_seg(seg, series)
