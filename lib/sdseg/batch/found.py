"""A series that a source holds: what it takes to say whether, and under which name, it is segmented."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Found:
    """One image series.

    Attributes:
        study_uid, series_uid: its UIDs; "" where they are none.
        modality: as its first header says.
        images: how many instances; None where an archive does not say.
        files: (path, SOPInstanceUID) of each image, where it lies in a folder.
        archive: address of the DICOMweb server that holds it, where it does not.
        trouble: why it cannot be segmented, one sentence; "" where nothing is known against it.
    """

    study_uid: str
    series_uid: str
    modality: str
    images: int | None
    files: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    archive: str = ""
    trouble: str = ""

    @property
    def fingerprint(self) -> str:
        """Changes with the images of the series, not with their place."""
        uids = sorted(sop_uid for _, sop_uid in self.files)
        return hashlib.sha256("\n".join([self.series_uid, str(self.images), *uids]).encode()).hexdigest()
