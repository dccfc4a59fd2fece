"""Body part and side of the source as far as every image agrees: General Series of the SEG (PS3.3 C.7.3.1)."""

import re

from pydicom.dataset import Dataset

from sdseg.dicom.header import text
from sdseg.dicom.series import Series

CODE_STRING = re.compile(r"[A-Z0-9 _]{1,16}")  # VR CS, PS3.5 6.2


def body_part(series: Series) -> Dataset:
    """BodyPartExamined and Laterality, each only where all images carry the same valid value."""
    found = Dataset()
    part, side = shared(series, "BodyPartExamined"), shared(series, "Laterality")
    if CODE_STRING.fullmatch(part):
        found.BodyPartExamined = part
    if side in ("L", "R"):
        found.Laterality = side
    return found


def shared(series: Series, keyword: str) -> str:
    """The value that all images have, else ""."""
    values = {text(dataset, keyword) for dataset in series.datasets}
    return values.pop() if len(values) == 1 else ""
