"""UIDs and numbers of a SEG that depend only on its content: the same result is the same object."""

import hashlib
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.uid import UID

from sdseg.dicom.header import text
from sdseg.dicom.series import Series

SERIES_NUMBERS = range(10_000, 100_000)
"""Above what scanners count to."""
OWNER = ("PatientID", "IssuerOfPatientID", "PatientName", "StudyInstanceUID", "StudyID", "AccessionNumber")


@dataclass(frozen=True)
class SegIdentity:
    """Everything that names a SEG, derived from one SHA-256."""

    digest: str

    @classmethod
    def of(cls, series: Series, planes: Iterable[NDArray[np.generic]], configuration: str) -> "SegIdentity":
        """From the sorted source UIDs, the configuration (algorithm, weights, labels ...) and the mask itself.

        `planes`: the slices of the mask, or of a map, in their order, each (rows, columns).

        And from what tells patient and study: an archive that corrected them gets a new object, because it would
        silently keep the old one under a known UID.
        """
        sources = sorted(text(dataset, "SOPInstanceUID") for dataset in series.datasets)
        owner = [text(series.datasets[0], keyword) for keyword in OWNER]
        content = hashlib.sha256()
        for plane in planes:
            content.update(np.ascontiguousarray(plane).data)
        whole = "\n".join([*sources, repr(owner), configuration, str(series.shape), content.hexdigest()])
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
