"""Synthetic patients, each with a bright disc in a dark, noisy field, and what a careful annotator draws there."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from helpers.dicom_series import SeriesMaker
from numpy.typing import NDArray

from sdseg.dicom.series import Series, load_series

_SIZE, _SLICES = 64, 5


@dataclass
class Patient(SeriesMaker):
    """One MR series; `number` says where the disc is."""

    slices: int = _SLICES
    rows: int = _SIZE
    columns: int = _SIZE
    pixel_spacing: tuple[float, float] = (1.0, 1.0)
    slice_spacing: float = 3.0
    modality: str = "MR"
    number: int = 0

    def __post_init__(self) -> None:
        self.name = f"patient {self.number}"
        self.patient_id = f"LOOP-{self.number}"

    @property
    def image(self) -> str:
        """Its id for the server."""
        return str(self.uid("series"))

    def truth(self) -> NDArray[np.uint8]:
        """(slices, rows, columns): the disc."""
        random = np.random.default_rng(self.number)
        row, column = np.mgrid[:_SIZE, :_SIZE]
        masks = []
        for _ in range(self.slices):
            centre, radius = random.uniform(22, 42, 2), random.uniform(9, 15)
            masks.append((row - centre[0]) ** 2 + (column - centre[1]) ** 2 < radius**2)
        return np.array(masks).astype(np.uint8)

    def stored(self) -> NDArray[np.int16]:
        noise = np.random.default_rng(100 + self.number).normal(100, 20, (self.slices, self.rows, self.columns))
        return np.clip(noise + 300.0 * self.truth(), 0, None).astype(np.int16)


def some_patients(number: int = 5) -> dict[str, Patient]:
    """By the id of their image."""
    found = [Patient(number=each) for each in range(number)]
    return {patient.image: patient for patient in found}


def sources_of(patients: Mapping[str, Patient], folder: Path) -> dict[str, Series]:
    """Each patient's series in a folder of its own."""
    return {image: load_series(patient.save(folder / patient.patient_id)) for image, patient in patients.items()}
