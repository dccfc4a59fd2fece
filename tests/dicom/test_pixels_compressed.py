"""Other transfer syntaxes: lossless ones give the very pixels of their uncompressed twin."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers.dicom_compress import LOSSLESS, compressed
from helpers.dicom_enhanced import EnhancedMaker
from helpers.dicom_pictures import PictureMaker
from helpers.dicom_series import SeriesMaker
from pydicom.dataset import FileDataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels import compress
from pydicom.uid import JPEG2000, ExplicitVRLittleEndian, JPEG2000Lossless

from sdseg.dicom.gate import Refused, examine
from sdseg.dicom.series import Series
from sdseg.errors import InputError


def signed_mr() -> list[FileDataset]:
    maker = SeriesMaker(modality="MR", rows=40, columns=48, slices=2)
    datasets = maker.datasets()
    for dataset, plane in zip(datasets, maker.stored() - 1000, strict=True):
        dataset.PixelData = plane.astype("<i2").tobytes()
    return datasets


KINDS: dict[str, Callable[[], list[FileDataset]]] = {
    "signed 16 bit MR": signed_mr,
    "12 bit DX": PictureMaker(kind="DX", rows=40, columns=48).datasets,
    "RGB picture": PictureMaker(rows=40, columns=48).datasets,
    "enhanced CT": EnhancedMaker(modality="CT", rows=40, columns=48).datasets,
}


@pytest.mark.parametrize("how", LOSSLESS)
@pytest.mark.parametrize("kind", KINDS)
def test_lossless_transfer_syntaxes_change_nothing(kind: str, how: str, tmp_path: Path) -> None:
    plain = Series.from_datasets(KINDS[kind]()).pixels()
    twins = [compressed(dataset, how, tmp_path) for dataset in KINDS[kind]()]
    assert twins[0].file_meta.TransferSyntaxUID != ExplicitVRLittleEndian
    np.testing.assert_array_equal(Series.from_datasets(twins).pixels(), plain)


@pytest.mark.parametrize(
    ("how", "kind", "most"),
    [("JPEG baseline", "RGB picture", 12), ("JPEG extended", "RGB picture", 12), ("JPEG extended", "12 bit DX", 60)],
)
def test_lossy_compression_stays_near(how: str, kind: str, most: float, tmp_path: Path) -> None:
    """A wrong colour space, or a wrong number of bits, is off by far more."""
    plain = Series.from_datasets(KINDS[kind]()).pixels()
    twins = [compressed(dataset, how, tmp_path) for dataset in KINDS[kind]()]
    pixels = Series.from_datasets(twins).pixels()
    assert 0 < np.abs(pixels - plain).max() < most


def test_subsampled_colour_is_decoded_to_rgb(tmp_path: Path) -> None:
    twin = compressed(KINDS["RGB picture"]()[0], "JPEG baseline", tmp_path)
    assert twin.PhotometricInterpretation == "YBR_FULL_422"
    assert Series.from_datasets([twin]).pixels().shape == (1, 40, 48, 3)


@pytest.mark.parametrize(
    ("photometric", "syntax", "options", "most"),
    [("YBR_RCT", JPEG2000Lossless, {}, 0), ("YBR_ICT", JPEG2000, {"j2k_psnr": [60]}, 8)],
)
def test_jpeg_2000_colour_transforms_are_undone(photometric: str, syntax: str, options: dict, most: float) -> None:
    (dataset,) = KINDS["RGB picture"]()
    plain = Series.from_datasets([dataset]).pixels()
    dataset.PhotometricInterpretation = photometric
    compress(dataset, syntax, **options)
    assert dataset.PhotometricInterpretation == photometric
    assert np.abs(Series.from_datasets([dataset]).pixels() - plain).max() <= most


@pytest.mark.parametrize("how", ["JPEG 2000 lossless", "JPEG-LS lossless", "RLE", "JPEG lossless, first order"])
def test_cut_streams_are_named(how: str, tmp_path: Path) -> None:
    """Compressed pixels that end early are refused by name, not shown as a blank."""
    twin = compressed(KINDS["12 bit DX"]()[0], how, tmp_path)
    twin.PixelData = encapsulate([b"\xff\xd8\xff\xe0" + bytes(40)])
    twin["PixelData"].is_undefined_length = True
    with pytest.raises(InputError, match="cannot be decompressed") as caught:
        Series.from_datasets([twin]).pixels()
    assert caught.value.instances == (twin.SOPInstanceUID,)


@pytest.mark.parametrize(
    ("how", "marker", "offset"),
    [
        ("JPEG 2000 lossless", b"\xff\x4f\xff\x51", 8),
        ("JPEG-LS lossless", b"\xff\xf7", 5),
        ("JPEG lossless, first order", b"\xff\xc3", 5),
        ("JPEG baseline", b"\xff\xc0", 5),
    ],
)
def test_a_stream_that_claims_another_size_is_not_decoded(how: str, marker: bytes, offset: int, tmp_path: Path) -> None:
    """A decoder would give memory to what the stream claims: four gigabytes here, for a picture of 40 x 48."""
    twin = compressed(KINDS["RGB picture" if how == "JPEG baseline" else "12 bit DX"]()[0], how, tmp_path)
    size = 8 if "2000" in how else 4
    at = twin.PixelData.index(marker) + offset
    bomb = b"\x00\x00\xff\xff" * 2 if size == 8 else b"\xff\xff" * 2
    twin.PixelData = twin.PixelData[:at] + bomb + twin.PixelData[at + size :]
    answer = examine([twin])
    assert isinstance(answer, Refused) and "cannot be decompressed" in answer.reason
    assert answer.instances == (twin.SOPInstanceUID,)


def test_a_frame_that_is_missing_from_the_stream_is_named(tmp_path: Path) -> None:
    twin = compressed(KINDS["enhanced CT"]()[0], "RLE", tmp_path)
    frames = list(generate_frames(twin.PixelData, number_of_frames=6))
    twin.PixelData = encapsulate(frames[:5])
    answer = examine([twin])
    assert isinstance(answer, Refused) and "cannot be decompressed" in answer.reason


DAMAGING = """
import sys
import warnings
import numpy as np
from pydicom import dcmread
from sdseg.dicom.series import Series
from sdseg.errors import SdsegError
warnings.simplefilter("ignore")
dataset, chance = dcmread(sys.argv[1]), np.random.default_rng(3)
whole, refused = dataset.PixelData, 0
for _ in range(60):
    damaged = bytearray(whole)
    for position in chance.integers(20, min(len(whole), 220), chance.integers(1, 4)):
        damaged[position] = chance.integers(256)
    dataset.PixelData = bytes(damaged)
    try:
        Series.from_datasets([dataset]).pixels()
    except SdsegError:
        refused += 1
print("refused", refused > 2)
"""


@pytest.mark.parametrize(
    ("how", "kind"),
    [
        ("JPEG baseline", "RGB picture"),
        ("JPEG lossless, process 14", "12 bit DX"),
        ("JPEG lossless, first order", "RGB picture"),
        ("JPEG extended", "12 bit DX"),
    ],
)
def test_damaged_streams_do_not_end_the_process(how: str, kind: str, tmp_path: Path) -> None:
    """GDCM's C++ exceptions abort it, and with it a server or a node."""
    compressed(KINDS[kind]()[0], how, tmp_path)
    process = subprocess.run(
        [sys.executable, "-c", DAMAGING, str(tmp_path / "compressed.dcm")], capture_output=True, text=True, check=False
    )
    assert (process.returncode, process.stdout) == (0, "refused True\n"), process.stderr[-500:]
