"""Body part of the source as far as every image agrees: General Series of the SEG (PS3.3 C.7.3.1)."""

import re

from pydicom.dataset import Dataset

from sdseg.dicom.header import text
from sdseg.dicom.series import Series

CODE_STRING = re.compile(r"[A-Z0-9 _]{1,16}")  # VR CS, PS3.5 6.2


def body_part(series: Series) -> Dataset:
    """BodyPartExamined where all images carry the same valid one.

    Laterality (0020,0060) is not repeated: a multi-frame object tells the side with its content, a SEG by the
    modifier of a segment's code, and validators refuse it beside that.
    """
    found = Dataset()
    parts = {text(dataset, "BodyPartExamined") for dataset in series.datasets}
    if len(parts) == 1 and CODE_STRING.fullmatch(part := parts.pop()):
        found.BodyPartExamined = part
    return found
