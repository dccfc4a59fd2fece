"""The writer that refuses: a wrong SEG is worse than none."""

from typing import NoReturn

WRITE_ELSEWHERE = (
    "This pydicom_seg is a stand-in that only reads: write a DICOM SEG with sdseg.dicom.seg_writer.build_seg."
)


class MultiClassWriter:
    def __init__(self, *args: object, **kwargs: object) -> None:
        raise NotImplementedError(WRITE_ELSEWHERE)

    def write(self, *args: object, **kwargs: object) -> NoReturn:
        raise NotImplementedError(WRITE_ELSEWHERE)
