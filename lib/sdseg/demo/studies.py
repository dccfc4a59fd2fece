"""Small studies of the sample series: a few consecutive slices each, with UIDs and a patient of their own."""

from __future__ import annotations

import copy
import uuid
from dataclasses import dataclass
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import UID

from sdseg.errors import InputError

NAME = "SECRETNAME"
"""Begins every PatientName: what never may stand in a log."""
PATIENT = "SECRETID"
"""Begins every PatientID: likewise."""
_NAMESPACE = uuid.UUID("6f2c1f4e-2d0f-4c57-9a5d-6b7f6f3f8c11")
_MIDDLE = range(20, 41)
"""Slices of the sample that show much brain."""


@dataclass(frozen=True)
class SmallStudy:
    """A study of one series on the disk.

    Attributes:
        number: of the study.
        study_uid, series_uid: StudyInstanceUID, SeriesInstanceUID.
        files: SOPInstanceUID -> file, in slice order.
        first: index of the first slice in the sample: studies of the same `first` have the same pixels.
        complete: whether it is as a scanner makes it; False where a slice is missing on purpose.
    """

    number: int
    study_uid: str
    series_uid: str
    files: dict[str, Path]
    first: int
    complete: bool = True

    @property
    def folder(self) -> Path:
        """Where its files lie."""
        return next(iter(self.files.values())).parent


class StudyMaker:
    """Makes studies from the slices of a sample series.

    Args:
        sample: folder of the sample series, sorted by file name into slice order.
        output: folder for the studies.
        seed: studies of one seed and number are equal.
        slices: of each study, at least two.
    """

    def __init__(self, sample: Path, output: Path, seed: int = 0, slices: int = 4) -> None:
        files = sorted(sample.glob("*.dcm"))
        if len(files) <= _MIDDLE.stop + slices:
            raise InputError(f"{sample} holds {len(files)} slices, too few for studies; restore the sample data.")
        self._files = files
        self._output = output
        self._seed = seed
        self._slices = slices
        self._read: dict[int, Dataset] = {}
        self.made: list[SmallStudy] = []

    def make(self, number: int, description: str = "T1 small", missing: int | None = None) -> SmallStudy:
        """Study `number`; `missing` leaves out a slice of one more, by its index, as a transfer that lost it would."""
        first = _MIDDLE[number % len(_MIDDLE)]
        folder = self._output / f"study-{number:05d}"
        folder.mkdir(parents=True, exist_ok=True)
        study_uid, series_uid = self._uid(number, "study"), self._uid(number, "series")
        files: dict[str, Path] = {}
        for index in range(self._slices if missing is None else self._slices + 1):
            if index == missing:
                continue
            dataset = copy.deepcopy(self._slice(first + index))
            dataset.StudyInstanceUID, dataset.SeriesInstanceUID = study_uid, series_uid
            dataset.FrameOfReferenceUID = self._uid(number, "frame of reference")
            sop_uid = self._uid(number, f"slice {index}")
            dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = sop_uid
            dataset.PatientID, dataset.PatientName = f"{PATIENT}-{number:05d}", f"{NAME}^{number:05d}"
            dataset.StudyID, dataset.SeriesDescription = str(number), description
            files[sop_uid] = folder / f"{index}.dcm"
            dataset.save_as(files[sop_uid], enforce_file_format=True)
        study = SmallStudy(number, study_uid, series_uid, files, first, missing is None)
        self.made.append(study)
        return study

    def _slice(self, index: int) -> Dataset:
        if index not in self._read:
            self._read[index] = pydicom.dcmread(self._files[index])
        return self._read[index]

    def _uid(self, number: int, what: str) -> UID:
        """Derived from a UUID (PS3.5 B.2)."""
        return UID(f"2.25.{uuid.uuid5(_NAMESPACE, f'{self._seed} {number} {what}').int}")
