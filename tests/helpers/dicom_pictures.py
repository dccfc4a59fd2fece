"""Small synthetic pictures in DICOM: endoscopic, photographic and ophthalmic photographs, CR and DX."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import FileDataset
from pydicom.sequence import Sequence
from pydicom.sr.codedict import codes
from pydicom.uid import (
    UID,
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    DigitalXRayImageStorageForProcessing,
    OphthalmicPhotography8BitImageStorage,
    VLEndoscopicImageStorage,
    VLPhotographicImageStorage,
)

from helpers.dicom_enhanced import code
from helpers.dicom_series import SeriesMaker

KINDS = {
    "ES": VLEndoscopicImageStorage,
    "XC": VLPhotographicImageStorage,
    "OP": OphthalmicPhotography8BitImageStorage,
    "CR": ComputedRadiographyImageStorage,
    "DX": DigitalXRayImageStorageForPresentation,
    "DX for processing": DigitalXRayImageStorageForProcessing,
}
NO_PLACE = (
    "ImageOrientationPatient", "ImagePositionPatient", "PixelSpacing", "SliceThickness", "FrameOfReferenceUID",
    "PositionReferenceIndicator", "RescaleSlope", "RescaleIntercept", "RescaleType",
)  # fmt: skip


@dataclass
class PictureMaker(SeriesMaker):
    """`datasets()` gives `slices` pictures of a kind; colour ones are RGB, interleaved by pixel."""

    slices: int = 1
    modality: str = "CT"
    kind: str = "ES"
    numbers: tuple[int, ...] = field(default_factory=lambda: tuple(range(1, 100)))

    @property
    def sop_class(self) -> UID:
        return KINDS[self.kind]

    @property
    def is_colour(self) -> bool:
        return self.kind in ("ES", "XC", "OP")

    def pictures(self) -> NDArray[np.uint8] | NDArray[np.uint16]:
        """(slices, rows, columns, 3) RGB, or (slices, rows, columns) of 12 bits: smooth, so that JPEG stays near."""
        row, column = np.mgrid[: self.rows, : self.columns]
        slice_number = np.arange(self.slices)[:, None, None]
        if not self.is_colour:
            return np.asarray(row * 90 + column * 70 + 31 * slice_number, dtype=np.uint16) % 4096
        red, green = row * 9 + 5 * slice_number, column * 7 + 20
        blue = 255 - row * 4 - column * 3 + 0 * slice_number
        channels = np.broadcast_arrays(red, green[None], blue)
        return np.clip(np.stack(channels, axis=-1), 0, 255).astype(np.uint8)

    def datasets(self) -> list[FileDataset]:
        return [self.picture(index, pixels) for index, pixels in enumerate(self.pictures())]

    def picture(self, index: int, pixels: NDArray) -> FileDataset:
        """One complete instance, without a file name."""
        ds = self.dataset(index, np.zeros((self.rows, self.columns), np.int16))
        for keyword in NO_PLACE:
            if keyword in ds:
                delattr(ds, keyword)
        ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = self.sop_class
        ds.Modality, ds.InstanceNumber = self.kind[:2], self.numbers[index]
        ds.ImageType, ds.BurnedInAnnotation, ds.LossyImageCompression = ["ORIGINAL", "PRIMARY", ""], "NO", "00"
        ds.PixelRepresentation, ds.PixelData = 0, pixels.tobytes()
        if self.is_colour:
            ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PlanarConfiguration = 3, "RGB", 0
            ds.BitsAllocated, ds.BitsStored, ds.HighBit = 8, 8, 7
            ds["PixelData"].VR = "OB"
        else:
            ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, 12, 11
        add_modules(ds, self.kind)
        return ds


def add_modules(ds: FileDataset, kind: str) -> None:
    """What the kinds say beside the pixels (PS3.3 A.2, A.26, A.32.1, A.32.4, A.41)."""
    ds.PatientOrientation = ["L", "F"] if kind.startswith("DX") else []
    if kind in ("ES", "XC", "CR"):
        ds.Laterality = ""
    if kind in ("ES", "XC"):
        ds.AcquisitionContextSequence = Sequence([])
    elif kind == "CR":
        ds.BodyPartExamined, ds.ViewPosition = "", ""
    elif kind == "OP":
        add_ophthalmic_modules(ds)
    else:
        add_digital_x_ray_modules(ds, "PROCESSING" if kind.endswith("processing") else "PRESENTATION")


def add_ophthalmic_modules(ds: FileDataset) -> None:
    """Ophthalmic Photography 8 Bit (PS3.3 A.41.2)."""
    ds.NumberOfFrames, ds.AcquisitionDateTime, ds.ImageLaterality = 1, "20240102030405", "R"
    ds.FrameIncrementPointer = 0x00181063
    ds.FrameTime = 100
    ds.SynchronizationFrameOfReferenceUID, ds.SynchronizationTrigger = "1.2.840.10008.15.1.1", "NO TRIGGER"
    ds.AcquisitionTimeSynchronized = "N"
    ds.AnatomicRegionSequence = code(codes.SCT.Eye)
    ds.AcquisitionDeviceTypeCodeSequence = code(codes.SCT.FundusCamera)
    for keyword in ("PatientEyeMovementCommanded", "EmmetropicMagnification", "IntraOcularPressure", "PupilDilated"):
        setattr(ds, keyword, "" if keyword.startswith("P") else None)
    ds.HorizontalFieldOfView, ds.DetectorType = None, ""
    for keyword in ("RefractiveState", "IlluminationTypeCode", "LightPathFilterTypeStackCode",
                    "ImagePathFilterTypeStackCode", "LensesCode"):  # fmt: skip
        setattr(ds, f"{keyword}Sequence", Sequence([]))


def add_digital_x_ray_modules(ds: FileDataset, intent: str) -> None:
    """Digital X-Ray (PS3.3 A.26), values as they are."""
    ds.PresentationIntentType, ds.ImageLaterality, ds.AnatomicRegionSequence = f"FOR {intent}", "U", Sequence([])
    ds.PixelIntensityRelationship, ds.PixelIntensityRelationshipSign = "LIN", 1
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = 0, 1, "US"
    ds.PresentationLUTShape, ds.DetectorType, ds.ImagerPixelSpacing = "IDENTITY", "", [0.2, 0.2]
    ds.AcquisitionContextSequence = Sequence([])
    if intent == "PRESENTATION":
        ds.WindowCenter, ds.WindowWidth = 2048, 4096
