"""Series that no honest scanner makes; their file meta information is whole, so that they can be sent as they are."""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset, write_file_meta_info
from pydicom.uid import generate_uid

_PIXELS = b"\xe0\x7f\x10\x00OW\x00\x00"
"""Tag and VR of PixelData, explicit VR little endian; a length of four bytes follows."""
_SEQUENCE = b"\x40\x00\x75\x02SQ\x00\x00\xff\xff\xff\xff"  # RequestAttributesSequence, undefined length
_ITEM = b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
_END_OF_ITEM, _END_OF_SEQUENCE = b"\xfe\xff\x0d\xe0\0\0\0\0", b"\xfe\xff\xdd\xe0\0\0\0\0"
_DEEP, _DEEPEST = 100, 20_000
"""Levels: one that a reader may survive, one that none does."""

Change = Callable[[Dataset], None]
Harm = Callable[[bytes], bytes]
HARMLESS = ("a hundred nested sequences", "pixels of four gigabytes by their length")
"""What may well become a SEG: their pixels are whole."""


@dataclass(frozen=True)
class HostileSeries:
    """Three slices of one series.

    Attributes:
        name: what is wrong with it.
        files: to send, in slice order.
        spoilt: SOPInstanceUIDs, as announced, of those that no SEG may be made of.
    """

    name: str
    files: tuple[Path, ...]
    spoilt: frozenset[str]


_CHANGES: dict[str, Change] = {
    "StudyInstanceUID is a path": lambda image: _set(image, StudyInstanceUID="../../../study"),
    "SeriesInstanceUID is a path": lambda image: _set(image, SeriesInstanceUID="../../escaped"),
    "SeriesInstanceUID is absolute": lambda image: _set(image, SeriesInstanceUID="/sdseg-escaped"),
    "SeriesInstanceUID is two dots": lambda image: _set(image, SeriesInstanceUID=".."),
    "SOPInstanceUID is a path": lambda image: _set(image, SOPInstanceUID="../../../../escaped"),
    "SOPInstanceUID is another than announced": lambda image: _set(image, SOPInstanceUID=generate_uid()),
    "SOPInstanceUID is absent": lambda image: delattr(image, "SOPInstanceUID"),
    "SeriesInstanceUID is too long": lambda image: _set(image, SeriesInstanceUID="1." * 200 + "1"),
    "matrix of 65535 squared without its pixels": lambda image: _set(image, Rows=65535, Columns=65535),
    "a billion frames": lambda image: _set(image, NumberOfFrames=1_000_000_000),
    "no pixels": lambda image: delattr(image, "PixelData"),
    "no geometry": lambda image: delattr(image, "ImagePositionPatient"),
    "position of words": lambda image: _raw(image, "ImagePositionPatient", b"here\\there\\now "),
    "spacing is zero": lambda image: _set(image, PixelSpacing=[0, 0]),
    "spacing is not a number": lambda image: _raw(image, "PixelSpacing", b"nan\\nan "),
    "slope is not finite": lambda image: _set(image, RescaleSlope="1e999", RescaleIntercept="0"),
}
"""Done to every slice."""


def hostile_series(honest: Sequence[Path], folder: Path) -> list[HostileSeries]:
    """Made of the slices of an honest series."""
    folder.mkdir(parents=True, exist_ok=True)
    images = [pydicom.dcmread(path) for path in honest]
    made = []
    for name, change in _CHANGES.items():
        files, uids = _write(images, folder / f"changed-{len(made)}", dict.fromkeys(range(len(images)), change), {})
        made.append(HostileSeries(name, files, frozenset(uids)))
    for name, harm in _HARM.items():
        last = len(images) - 1
        files, uids = _write(images, folder / f"harmed-{len(made)}", {}, {last: harm})
        made.append(HostileSeries(name, files, frozenset() if name in HARMLESS else frozenset(uids[last:])))
    return made


def _cut(body: bytes) -> bytes:
    return body[: len(body) * 6 // 10]


def _cut_in_the_header(body: bytes) -> bytes:
    return body[:150]


def _endless_pixels(body: bytes) -> bytes:
    at = body.index(_PIXELS) + len(_PIXELS)
    return body[:at] + b"\xf0\xff\xff\xff" + body[at + 4 :]


def _odd_length(body: bytes) -> bytes:
    at = body.index(_PIXELS) + len(_PIXELS)
    return body[:at] + (7).to_bytes(4, "little") + body[at + 4 :]


def _nested(body: bytes) -> bytes:
    at = body.index(_PIXELS)
    return body[:at] + (_SEQUENCE + _ITEM) * _DEEPEST + body[at:]


def _nested_and_closed(body: bytes) -> bytes:
    at = body.index(_PIXELS)
    return body[:at] + (_SEQUENCE + _ITEM) * _DEEP + (_END_OF_ITEM + _END_OF_SEQUENCE) * _DEEP + body[at:]


_HARM: dict[str, Harm] = {
    "cut off in its pixels": _cut,
    "cut off in its header": _cut_in_the_header,
    "pixels of four gigabytes by their length": _endless_pixels,
    "pixels of seven bytes by their length": _odd_length,
    "a hundred nested sequences": _nested_and_closed,
    "twenty thousand nested sequences": _nested,
    "nothing at all": lambda body: b"",
    "noise": lambda body: bytes(range(256)) * 40,
    "zeros": lambda body: bytes(5000),
}


def _set(image: Dataset, **values: object) -> None:
    with pydicom.config.disable_value_validation():
        for keyword, value in values.items():
            setattr(image, keyword, value)


def _raw(image: Dataset, keyword: str, value: bytes) -> None:
    """The bytes as they are, whatever the VR says."""
    tag = pydicom.datadict.tag_for_keyword(keyword)
    assert tag is not None
    image[tag] = pydicom.dataelem.RawDataElement(pydicom.tag.Tag(tag), "DS", len(value), value, 0, False, True)


def _write(
    images: Sequence[Dataset],
    prefix: Path,
    changes: Mapping[int, Change],
    harms: Mapping[int, Callable[[bytes], bytes]],
) -> tuple[tuple[Path, ...], list[str]]:
    """Files of a new series, and the SOPInstanceUIDs in their file meta information, which stays honest."""
    study, series = generate_uid(), generate_uid()
    paths, uids = [], []
    for index, honest in enumerate(images):
        image = copy.deepcopy(honest)
        image.StudyInstanceUID, image.SeriesInstanceUID = study, series
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        uids.append(str(image.SOPInstanceUID))
        if index in changes:
            changes[index](image)
        body = _encode(image)
        path = prefix.with_name(f"{prefix.name}-{index}.dcm")
        path.write_bytes(_head(image) + (harms[index](body) if index in harms else body))
        paths.append(path)
    return tuple(paths), uids


def _head(image: Dataset) -> bytes:
    stream = BytesIO()
    stream.write(b"\0" * 128 + b"DICM")
    write_file_meta_info(stream, image.file_meta)
    return stream.getvalue()


def _encode(image: Dataset) -> bytes:
    stream = DicomBytesIO()
    stream.is_little_endian, stream.is_implicit_VR = True, False
    with pydicom.config.disable_value_validation():
        write_dataset(stream, Dataset(image))
    return stream.getvalue()
