"""Frames and whole objects out of files of every transfer syntax."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from helpers.dicom_compress import LOSSLESS, compressed
from helpers.dicom_series import SeriesMaker
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian

from sdseg.dicomweb.accept import parse_accept
from sdseg.dicomweb.bulkdata import answer_bulkdata
from sdseg.dicomweb.frames import answer_frames
from sdseg.dicomweb.pixels import find_pixels
from sdseg.dicomweb.transcode import in_plain_syntax
from sdseg.errors import InputError


@pytest.fixture(params=LOSSLESS)
def twin(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, np.ndarray]:
    """A file in some transfer syntax, and its pixels."""
    plain = SeriesMaker(slices=1, rows=64, columns=72).datasets()[0]
    # Nobody else reads a JPEG of negative numbers the same way.
    plain.PixelRepresentation = 0
    compressed(plain, request.param, tmp_path)
    return tmp_path / "compressed.dcm", plain.pixel_array


def test_decoded_pixels_are_those_that_were_encoded(twin: tuple[Path, np.ndarray]) -> None:
    path, pixels = twin
    assert find_pixels(path).decoded(1) == pixels.astype("<u2").tobytes()
    content = in_plain_syntax(path)
    assert content is not None
    again = dcmread(BytesIO(content))
    assert again.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert np.array_equal(again.pixel_array, pixels) and again.PatientID == dcmread(path).PatientID


def test_stored_pixels_and_their_transfer_syntax_go_together(twin: tuple[Path, np.ndarray]) -> None:
    path, pixels = twin
    found = find_pixels(path)
    answer = answer_frames(found, [1], parse_accept("application/octet-stream; transfer-syntax=*"), "http://x")
    syntax = answer.media_type.partition("transfer-syntax=")[2]
    assert syntax == (found.transfer_syntax if found.compressed else ExplicitVRLittleEndian)
    if not found.compressed:
        assert b"".join(answer.body) == pixels.astype("<u2").tobytes()


@pytest.mark.parametrize("how", ["deflated", "big endian", "RLE"])
def test_a_file_cut_short_is_told_before_anything_is_sent(tmp_path: Path, how: str) -> None:
    compressed(SeriesMaker(slices=1, rows=64, columns=72).datasets()[0], how, tmp_path)
    path = tmp_path / "compressed.dcm"
    path.write_bytes(path.read_bytes()[:-600])
    with pytest.raises(InputError):
        answer_frames(find_pixels(path), [1], parse_accept(""), "http://x")


def test_bulk_data_of_compressed_pixels_are_their_frames(tmp_path: Path) -> None:
    compressed(SeriesMaker(slices=1, rows=64, columns=72).datasets()[0], "RLE", tmp_path)
    accepted = parse_accept('multipart/related; type="application/octet-stream"; transfer-syntax=*')
    answer = answer_bulkdata(tmp_path / "compressed.dcm", "7FE00010", accepted, "http://x")
    assert find_pixels(tmp_path / "compressed.dcm").stored(1) in b"".join(answer.body)
