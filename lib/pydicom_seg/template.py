"""dcmqi's description of segments: only read by the writer, so refused like it."""

from typing import NoReturn

from pydicom_seg.writer import WRITE_ELSEWHERE


def from_dcmqi_metainfo(metainfo: object) -> NoReturn:
    raise NotImplementedError(WRITE_ELSEWHERE)
