"""UIDs and numbers of a SEG that depend only on its content: the same result is the same object."""

import hashlib
import uuid
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.uid import UID

from sdseg.dicom.header import text
from sdseg.dicom.series import Series

SERIES_NUMBERS = range(10_000, 100_000)
"""Above what scanners count to."""


@dataclass(frozen=True)
class SegIdentity:
    """Everything that names a SEG, derived from one SHA-256."""

    digest: str

    @classmethod
    def of(cls, series: Series, labelmap: NDArray[np.uint8], configuration: str) -> "SegIdentity":
        """From the sorted source UIDs, the configuration (algorithm, weights, labels ...) and the mask itself."""
        sources = sorted(text(dataset, "SOPInstanceUID") for dataset in series.datasets)
        content = hashlib.sha256(np.ascontiguousarray(labelmap).tobytes()).hexdigest()
        whole = "\n".join([*sources, configuration, str(labelmap.shape), content])
        return cls(hashlib.sha256(whole.encode()).hexdigest())

    def uid(self, what: str) -> UID:
        """A UUID-derived UID (PS3.5 B.2) for one purpose, such as "series"."""
        named = hashlib.sha256(f"{self.digest} {what}".encode()).digest()
        return UID(f"2.25.{uuid.UUID(bytes=named[:16], version=5).int}")

    @property
    def series_number(self) -> int:
        """A SeriesNumber unlikely to be in use within the study."""
        return SERIES_NUMBERS[int(self.digest, 16) % len(SERIES_NUMBERS)]

    @property
    def short(self) -> str:
        """Eight characters for people."""
        return self.digest[:8]
