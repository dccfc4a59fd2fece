"""Files whose headers promise more than is read, or point elsewhere."""

import gzip
import struct
import zlib
from pathlib import Path

import nibabel
import numpy as np
import pytest

from sdseg.errors import InputError
from sdseg.volume.load import load_failures
from sdseg.volume.volume_files import read


def nifti_bomb(path: Path) -> Path:
    """2 GB of zeros in 2 MB."""
    header = nibabel.Nifti1Header()
    header.set_data_dtype(np.uint8)
    header.set_data_shape((2048, 1024, 1024))
    path.write_bytes(gzip.compress(header.binaryblock + bytes(4) + bytes(2**24)))
    return path


def nrrd(path: Path, *fields: str, size: int = 2) -> Path:
    lines = ["NRRD0004", "type: uint8", "dimension: 3", f"sizes: {size} {size} {size}", "encoding: raw", *fields]
    path.write_bytes("\n".join([*lines, "", ""]).encode() + bytes(8))
    return path


def png_bomb(path: Path) -> Path:
    """A header of 60,000 x 60,000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    content = chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + content)
    return path


@pytest.mark.parametrize(
    ("make", "name"), [(nifti_bomb, "a.nii.gz"), (lambda path: nrrd(path, size=2000), "a.nrrd"), (png_bomb, "a.png")]
)
def test_more_than_is_read_is_refused_from_its_header(make: object, name: str, tmp_path: Path) -> None:
    path = make(tmp_path / name)  # type: ignore[operator]
    for reading in (lambda: read(path), lambda: load_failures(path).__enter__()):
        with pytest.raises(InputError, match=f"{name} says that it holds .* values"):
            reading()


@pytest.mark.parametrize("field", ["data file: secret.raw", "DATAFILE: secret.raw", "data file: LIST"])
def test_a_nrrd_that_names_another_file_is_refused(field: str, tmp_path: Path) -> None:
    (tmp_path / "secret.raw").write_bytes(bytes(range(8)))
    path = nrrd(tmp_path / "a.nrrd", field)
    for reading in (lambda: read(path), lambda: load_failures(path).__enter__()):
        with pytest.raises(InputError, match="names another file for its voxels"):
            reading()


def test_what_is_as_it_should_be_is_read(tmp_path: Path) -> None:
    values, _ = read(nrrd(tmp_path / "a.nrrd"))
    assert values.shape == (2, 2, 2)
