"""Which instance is this? The few attributes that a listener needs, read from bytes that nobody vouches for."""

from __future__ import annotations

import hashlib
import re
import zlib
from io import BytesIO
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import FileDataset
from pydicom.uid import DeflatedExplicitVRLittleEndian

from sdseg.dicom.files import READ_ERRORS
from sdseg.dicom.header import text
from sdseg.dimse.contexts import Purpose, purpose_of
from sdseg.errors import InputError
from sdseg.node.reception import Arrival
from sdseg.node.rules import KEYWORDS

IDENTITY = ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID")
# PS3.5 9.1, but leading zeros of a component are let through: devices in use write them, and they harm nobody.
UID_FORM = re.compile(r"[0-9]+(\.[0-9]+)*")
LONGEST_UID = 64
LARGEST_INFLATED, PIECE = 1 << 30, 1 << 24


class MismatchError(InputError):
    """The command announces another object than the data set is."""


def is_uid(value: str) -> bool:
    """Whether it has the form of a UID: also what makes it safe as a file name."""
    return len(value) <= LONGEST_UID and UID_FORM.fullmatch(value) is not None


def identify(file: bytes, data_set: bytes, sop_class: str, sop_uid: str) -> Arrival:
    """What was received.

    Args:
        file: the whole PS3.10 file.
        data_set: its data set alone, encoded.
        sop_class, sop_uid: what the C-STORE request says it is.

    Raises:
        MismatchError: the data set is of another SOP class or instance.
        InputError: a UID is absent or malformed, or the header cannot be read that far.
    """
    try:
        check_inflated(file, data_set)
        header = dcmread(BytesIO(file), stop_before_pixels=True, specific_tags=list(IDENTITY))
        uids = {keyword: text(header, keyword) for keyword in IDENTITY}
    except READ_ERRORS:
        raise InputError("The data set cannot be read up to its UIDs.") from None
    for keyword, value in uids.items():
        if not is_uid(value):
            raise InputError(f"{keyword} is {'malformed' if value else 'absent'}.")
    if (uids["SOPClassUID"], uids["SOPInstanceUID"]) != (sop_class, sop_uid):
        raise MismatchError("The data set has another SOPClassUID or SOPInstanceUID than its request.")
    return Arrival(
        sop_uid=uids["SOPInstanceUID"],
        sop_class=uids["SOPClassUID"],
        series_uid=uids["SeriesInstanceUID"],
        study_uid=uids["StudyInstanceUID"],
        sha256=hashlib.sha256(data_set).hexdigest(),
        size=len(file),
        is_image=purpose_of(sop_class) is Purpose.IMAGE,
    )


def check_inflated(file: bytes, data_set: bytes) -> None:
    """Refuse a deflated data set that would fill the memory: a kilobyte can hold a megabyte of zeros.

    Raises:
        InputError: it is larger than `LARGEST_INFLATED` once inflated; zlib.error: it is damaged.
    """
    if DeflatedExplicitVRLittleEndian.encode() not in file[: len(file) - len(data_set)]:
        return
    inflater, size, rest = zlib.decompressobj(-zlib.MAX_WBITS), 0, data_set
    while rest and not inflater.eof:
        size += len(inflater.decompress(rest, PIECE))
        rest = inflater.unconsumed_tail
        if size > LARGEST_INFLATED:
            raise InputError(f"The deflated data set is larger than {LARGEST_INFLATED >> 20} MiB.")


def read_facts(path: Path) -> FileDataset:
    """The attributes that rules look at. Raises one of READ_ERRORS."""
    return dcmread(path, stop_before_pixels=True, specific_tags=list(KEYWORDS.values()))
