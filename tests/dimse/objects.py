"""DICOM files to send: segmentations by their headers, a large one, compressed ones."""

from pathlib import Path

import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, ExplicitVRLittleEndian, SegmentationStorage, generate_uid

PATIENT = "Secret^Somebody"


def save_object(
    folder: Path,
    *,
    klass: str = SegmentationStorage,
    syntax: UID = ExplicitVRLittleEndian,
    size: int = 64,
) -> Path:
    """An object with `size` bytes of pixels, as a file."""
    ds = Dataset()
    ds.SOPClassUID, ds.SOPInstanceUID = UID(klass), generate_uid()
    ds.StudyInstanceUID, ds.SeriesInstanceUID = generate_uid(), generate_uid()
    ds.PatientName, ds.PatientID, ds.PatientBirthDate, ds.PatientSex = PATIENT, "P1", "", ""
    ds.StudyDate, ds.StudyTime, ds.StudyID, ds.AccessionNumber = "20240102", "030405", "1", ""
    ds.ReferringPhysicianName = ""
    ds.Modality, ds.SeriesNumber, ds.InstanceNumber = "SEG", 900, 1
    ds.Rows, ds.Columns, ds.BitsAllocated, ds.BitsStored, ds.HighBit = 8, 8, 8, 8, 7
    ds.NumberOfFrames = size // 64
    ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PixelRepresentation = 1, "MONOCHROME2", 0
    pixels = bytes(range(64)) * (size // 64)
    ds.PixelData = encapsulate([pixels]) if syntax.is_encapsulated else pixels
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = syntax.is_encapsulated
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = syntax
    path = folder / f"{ds.SOPInstanceUID}.dcm"
    pydicom.dcmwrite(path, ds, enforce_file_format=True)
    return path


def uid_of(path: Path) -> str:
    return str(pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID)


def data_set_bytes(file: bytes) -> bytes:
    """What follows the file meta information of a DICOM file."""
    length = int.from_bytes(file[140:144], "little")
    return file[144 + length :]
