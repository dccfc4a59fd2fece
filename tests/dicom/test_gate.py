"""The gate's one answer: accepted with what was corrected, or refused with why and which instances."""

import itertools
import random
import re
import warnings
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from helpers.dicom_enhanced import EnhancedMaker
from helpers.dicom_pictures import PictureMaker
from helpers.dicom_series import SeriesMaker
from pydicom import config, dcmread
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileDataset
from pydicom.tag import Tag
from pydicom.uid import (
    BasicTextSRStorage,
    RawDataStorage,
    UltrasoundImageStorage,
    VideoEndoscopicImageStorage,
    VLWholeSlideMicroscopyImageStorage,
)

from sdseg.dicom.files import READ_ERRORS
from sdseg.dicom.gate import Accepted, Refused, examine
from sdseg.dicom.geometry import REPORTED_MM
from sdseg.dicom.kinds import KINDS
from sdseg.dicom.limits import LARGEST_FRAME, LARGEST_SERIES, MOST_FRAMES
from sdseg.dicom.spacing import SAME_PLACE, SPACING_TOLERANCE, SPACING_TOLERANCE_MM, TILT_TOLERANCE_DEGREES
from sdseg.dicom.uniformity import ORIENTATION_TOLERANCE
from sdseg.errors import SdsegError

MAKERS = {
    "single-frame CT": lambda: SeriesMaker().datasets(),
    "enhanced MR": lambda: EnhancedMaker().datasets(),
    "endoscopic pictures": lambda: PictureMaker(slices=3).datasets(),
    "DX": lambda: PictureMaker(kind="DX", slices=2).datasets(),
}


@pytest.mark.parametrize("name", MAKERS)
def test_what_is_in_order_is_accepted_without_corrections(name: str) -> None:
    datasets = MAKERS[name]()
    answer = examine(datasets)
    assert isinstance(answer, Accepted)
    assert answer.corrections == answer.series.corrections == ()
    assert answer.series.datasets == tuple(datasets)


def test_refused_names_the_instances_to_blame() -> None:
    datasets = SeriesMaker().datasets()
    datasets[2].Rows, datasets[4].Rows = 18, 18
    answer = examine(datasets)
    assert isinstance(answer, Refused)
    assert answer.reason.startswith("instance 3, instance 5 differ from the other images in Rows and Columns ((18, 24)")
    assert answer.instances == (datasets[2].SOPInstanceUID, datasets[4].SOPInstanceUID)


def test_missing_slice_names_its_neighbours() -> None:
    datasets = SeriesMaker().datasets()
    del datasets[3]
    answer = examine(datasets)
    assert isinstance(answer, Refused)
    assert answer.instances == (datasets[2].SOPInstanceUID, datasets[3].SOPInstanceUID)


def change(**values: object) -> Callable[[Dataset], None]:
    def apply(dataset: Dataset) -> None:
        for keyword, value in values.items():
            delattr(dataset, keyword) if value is None else setattr(dataset, keyword, value)

    return apply


REFUSED: dict[str, tuple[Callable[[Dataset], None], str]] = {
    "report": (change(SOPClassUID=BasicTextSRStorage), "Basic Text SR"),
    "raw data": (change(SOPClassUID=RawDataStorage), "Raw Data Storage"),
    "ultrasound": (change(SOPClassUID=UltrasoundImageStorage), "Ultrasound Image Storage"),
    "video": (change(SOPClassUID=VideoEndoscopicImageStorage), "is a video"),
    "whole slide": (change(SOPClassUID=VLWholeSlideMicroscopyImageStorage), "whole slide"),
    "invented class": (change(SOPClassUID="1.2.3.4"), "cannot be segmented"),
    "no instance UID": (change(SOPInstanceUID=None), "no valid SOPInstanceUID"),
    "no study": (change(StudyInstanceUID=None), "no valid StudyInstanceUID"),
    "huge frame": (change(Rows=60000, Columns=60000), "at most"),
    "kilometres": (change(ImagePositionPatient=[0, 0, 1e30]), "kilometre"),
    "huge spacing": (change(PixelSpacing=[1e300, 1]), "kilometre"),
    "no pixels": (change(PixelData=None), "missing or truncated"),
    "short pixels": (change(PixelData=b"\0" * 100), "missing or truncated"),
    "colour space": (change(PhotometricInterpretation="HSV"), "HSV"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_one_bad_instance_is_refused_and_named(case: str) -> None:
    spoil, expected = REFUSED[case]
    datasets = SeriesMaker().datasets()
    spoil(datasets[3])
    answer = examine(datasets)
    assert isinstance(answer, Refused)
    assert expected in answer.reason and "\n" not in answer.reason and answer.reason.endswith(".")
    assert answer.instances == tuple(uid for uid in [datasets[3].get("SOPInstanceUID")] if uid)


def test_a_copied_picture_is_refused() -> None:
    datasets = PictureMaker(slices=2).datasets()
    datasets[1].SOPInstanceUID = datasets[0].SOPInstanceUID
    answer = examine(datasets)
    assert isinstance(answer, Refused) and "share one SOPInstanceUID" in answer.reason


def test_kinds_are_not_mixed() -> None:
    answer = examine([*SeriesMaker().datasets(), *PictureMaker(modality="CT").datasets()])
    assert isinstance(answer, Refused) and "pictures instead of single-frame volume" in answer.reason


# Raw bytes that no writer would write: numbers that are none, endless, or of another VR.
NONSENSE = [b"", b"nan", b"inf\\-inf", b"1e999", b"\xff" * 16, b"1\\2\\3\\4\\5\\6\\7", b"-0", b"9" * 400, b"\0\0"]
VRS = ["DS", "IS", "US", "SQ", "FD", "OB", "UI", "LO", "UN", "AT", "PN", "FL"]
KEYWORDS = [
    "Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "BitsAllocated", "BitsStored", "HighBit",
    "PixelRepresentation", "PhotometricInterpretation", "PlanarConfiguration", "PixelSpacing", "SOPClassUID",
    "ImageOrientationPatient", "ImagePositionPatient", "RescaleSlope", "RescaleIntercept", "ImageType", "PixelData",
    "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID", "FrameOfReferenceUID", "InstanceNumber", "Modality",
    "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence", "ModalityLUTSequence", "PatientID",
    "ConcatenationUID", "InConcatenationTotalNumber",
]  # fmt: skip


def fits(vr: str, content: bytes) -> bool:
    return vr != "SQ" or not content


@pytest.mark.parametrize("name", MAKERS)
def test_hostile_attributes_end_in_one_sentence(name: str) -> None:
    """Every attribute the gate looks at as raw bytes of every VR, in the instance and in its functional groups."""
    cases = [case for case in itertools.product(KEYWORDS, VRS, NONSENSE) if fits(case[1], case[2])]
    refused = 0
    for keyword, vr, content in random.Random(5).sample(cases, 120):
        datasets = MAKERS[name]()
        for target in [datasets[-1], *nested(datasets[-1])]:
            tag = Tag(keyword)
            target._dict[tag] = RawDataElement(tag, vr, len(content), content, 0, False, True)
        refused += is_refused_politely(datasets)
    assert refused > 25


def nested(dataset: FileDataset) -> list[Dataset]:
    """The functional groups that the gate reads, of the last frame."""
    if "PerFrameFunctionalGroupsSequence" not in dataset:
        return []
    shared, own = dataset.SharedFunctionalGroupsSequence[0], dataset.PerFrameFunctionalGroupsSequence[-1]
    return [shared.PixelMeasuresSequence[0], own.PlanePositionSequence[0], own.PixelValueTransformationSequence[0]]


def is_refused_politely(datasets: Sequence[Dataset]) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        answer = examine(datasets)
        if isinstance(answer, Refused):
            assert "\n" not in answer.reason and len(answer.reason) < 1000
            return True
        try:
            assert np.isfinite(answer.series.pixels()).all()
        except SdsegError as error:
            assert "\n" not in str(error)
            return True
    return False


@pytest.mark.parametrize("name", MAKERS)
def test_flipped_bytes_end_in_one_sentence(name: str) -> None:
    """Wherever a file is damaged: a series, or one sentence."""
    datasets = MAKERS[name]()
    buffer = BytesIO()
    datasets[-1].save_as(buffer, enforce_file_format=True)
    whole, chance = buffer.getvalue(), np.random.default_rng(11)
    header = len(whole) - len(datasets[-1].PixelData)
    refused = 0
    for _ in range(50):
        damaged = bytearray(whole)
        for position in chance.integers(132, header, 3):
            damaged[position] = int(chance.integers(256))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                last = dcmread(BytesIO(bytes(damaged)))
        except READ_ERRORS:
            continue
        refused += is_refused_politely([*datasets[:-1], last])
    assert refused > 3


def test_deeply_nested_sequences_are_harmless() -> None:
    datasets = SeriesMaker().datasets()
    inner = Dataset()
    for _ in range(200):
        outer = Dataset()
        outer.ReferencedImageSequence = [inner]
        inner = outer
    datasets[2].SourceImageSequence = [inner]
    assert isinstance(examine(datasets), Accepted)
    assert config.settings.reading_validation_mode != config.RAISE


def test_the_manual_says_what_the_gate_does() -> None:
    manual = (Path(__file__).parents[2] / "docs" / "images.md").read_text()
    accepted = manual.split("## Corrected")[0]
    for kind in KINDS:
        short = kind.removeprefix("1.2.840.10008.5.1.4.1.1.")
        assert re.search(rf"[ ,]{re.escape(short)}[ ,;|]", accepted), f"{kind.name} {short}"
    limits = [
        f"| {ORIENTATION_TOLERANCE:g} in each",
        f"over {TILT_TOLERANCE_DEGREES:g} degrees",
        f"{SPACING_TOLERANCE:.0%} of the slice spacing".replace("%", " %"),
        f"{SPACING_TOLERANCE_MM:g} mm",
        f"{SAME_PLACE:.0%} of the pixel spacing".replace("%", " %"),
        f"2^{LARGEST_FRAME.bit_length() - 1} pixels",
        f"2^{LARGEST_SERIES.bit_length() - 1} values or {MOST_FRAMES} slices",
        f"from {REPORTED_MM:.4f} mm on",
    ]
    assert [limit for limit in limits if limit not in manual] == []
