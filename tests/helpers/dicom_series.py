"""Small synthetic DICOM series: slices of noise, so that every flip and shift shows."""

import itertools
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import (
    UID,
    CTImageStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
    PositronEmissionTomographyImageStorage,
    generate_uid,
)

KINDS = {"CT": CTImageStorage, "MR": MRImageStorage, "PT": PositronEmissionTomographyImageStorage}
AXES = {
    "axial": ([1, 0, 0], [0, 1, 0]),
    "coronal": ([1, 0, 0], [0, 0, -1]),
    "sagittal": ([0, 1, 0], [0, 0, -1]),
}


def orientations() -> dict[str, list[float]]:
    """ImageOrientationPatient of every plane x sign of row x sign of column x straight or oblique."""
    angles = np.radians([7.0, -11.0, 5.0])
    tilt = rotation(0, angles[0]) @ rotation(1, angles[1]) @ rotation(2, angles[2])
    found = {}
    for (plane, axes), row, column, oblique in itertools.product(AXES.items(), (1, -1), (1, -1), (False, True)):
        turn = tilt if oblique else np.eye(3)
        cosines = np.concatenate([turn @ (row * np.array(axes[0])), turn @ (column * np.array(axes[1]))])
        name = f"{plane}{'+' if row > 0 else '-'}{'+' if column > 0 else '-'}{'-oblique' if oblique else ''}"
        found[name] = cosines.tolist()
    return found


def rotation(axis: int, angle: float) -> NDArray[np.float64]:
    """3x3 rotation about a coordinate axis."""
    matrix = np.eye(3)
    others = [i for i in range(3) if i != axis]
    matrix[np.ix_(others, others)] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    return matrix


@dataclass
class SeriesMaker:
    """Recipe of one synthetic series; `datasets()` gives its slices in order."""

    slices: int = 6
    rows: int = 20
    columns: int = 24
    orientation: list[float] = field(default_factory=lambda: [1, 0, 0, 0, 1, 0])
    origin: tuple[float, float, float] = (-31.25, 12.5, 70.75)
    pixel_spacing: tuple[float, float] = (0.9, 0.7)
    slice_spacing: float = 2.5
    modality: str = "CT"
    name: str = "one"
    patient_id: str = "SYNTH-1"

    def uid(self, *what: str) -> UID:
        return generate_uid(entropy_srcs=["sdseg tests", self.name, *what])

    def position(self, index: float) -> NDArray[np.float64]:
        cosines = np.array(self.orientation, dtype=float)
        normal = np.cross(cosines[:3], cosines[3:])
        return np.array(self.origin) + index * self.slice_spacing * normal

    def stored(self) -> NDArray[np.int16]:
        """Stored values (slices, rows, columns)."""
        random = np.random.default_rng(7)
        return random.integers(0, 2000, (self.slices, self.rows, self.columns)).astype(np.int16)

    def datasets(self) -> list[FileDataset]:
        return [self.dataset(i, plane) for i, plane in enumerate(self.stored())]

    def dataset(self, index: int, plane: NDArray[np.int16]) -> FileDataset:
        """One complete instance, without a file name."""
        ds = FileDataset(None, {}, preamble=b"\0" * 128)
        ds.SpecificCharacterSet = "ISO_IR 100"
        ds.SOPClassUID, ds.SOPInstanceUID = KINDS[self.modality], self.uid("instance", str(index))
        ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        ds.StudyDate, ds.StudyTime, ds.ContentDate, ds.ContentTime = (
            "20240102",
            "030405",
            "20240102",
            "030405",
        )
        ds.AccessionNumber, ds.Modality, ds.Manufacturer, ds.ReferringPhysicianName = (
            "A1",
            self.modality,
            "Maker",
            "",
        )
        ds.PatientName, ds.PatientID, ds.PatientBirthDate, ds.PatientSex = (
            "SECRET^NAME",
            self.patient_id,
            "",
            "O",
        )
        ds.StudyInstanceUID, ds.SeriesInstanceUID = self.uid("study"), self.uid("series")
        ds.FrameOfReferenceUID, ds.PositionReferenceIndicator = self.uid("frame of reference"), ""
        ds.StudyID, ds.SeriesNumber, ds.AcquisitionNumber, ds.InstanceNumber = "1", 3, 1, index + 1
        ds.ImageOrientationPatient = [f"{cosine:.10g}" for cosine in self.orientation]
        ds.ImagePositionPatient = [f"{mm:.8g}" for mm in self.position(index)]
        ds.PixelSpacing, ds.SliceThickness = list(self.pixel_spacing), self.slice_spacing
        self.add_pixels(ds, plane)
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
        ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
        return ds

    def add_pixels(self, ds: FileDataset, plane: NDArray[np.int16]) -> None:
        ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
        ds.Rows, ds.Columns = plane.shape
        ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 1
        if self.modality == "CT":
            ds.RescaleSlope, ds.RescaleIntercept, ds.RescaleType = 1, -1000, "HU"
        ds.PixelData = plane.astype("<i2").tobytes()
        ds["PixelData"].VR = "OW"

    def save(self, folder: Path) -> Path:
        """Write all slices as IM_1.dcm ... and return the folder."""
        return save_all(self.datasets(), folder)


def save_all(datasets: list[FileDataset], folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number, ds in enumerate(datasets, 1):
        ds.save_as(folder / f"IM_{number}.dcm", enforce_file_format=True)
    return folder
