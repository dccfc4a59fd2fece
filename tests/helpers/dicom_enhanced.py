"""Small synthetic enhanced multi-frame CT and MR: the volume of `SeriesMaker` in one instance."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset
from pydicom.sequence import Sequence
from pydicom.sr.codedict import codes
from pydicom.uid import EnhancedCTImageStorage, EnhancedMRImageStorage, EnhancedPETImageStorage

from helpers.dicom_series import SeriesMaker

KINDS = {"CT": EnhancedCTImageStorage, "MR": EnhancedMRImageStorage, "PT": EnhancedPETImageStorage}
FRAME_TYPES = {
    "CT": "CTImageFrameTypeSequence",
    "MR": "MRImageFrameTypeSequence",
    "PT": "PETFrameTypeSequence",
}


@dataclass
class EnhancedMaker(SeriesMaker):
    """`dataset()` is one multi-frame instance; `stored_order`: slice index of each frame, in stored order.

    `slopes`: RescaleSlope of each slice; `temporal_positions`: so many volumes at the same place.
    """

    modality: str = "MR"
    stored_order: tuple[int, ...] = (3, 0, 5, 1, 4, 2)
    slopes: list[float] = field(default_factory=lambda: [1.0, 2.0, 0.5, 1.0, 3.0, 1.0])
    temporal_positions: int = 1

    def values(self) -> NDArray[np.float32]:
        """Modality values (slices, rows, columns)."""
        offset = -1000.0 if self.modality == "CT" else 0.0
        return (self.stored() * np.array(self.slopes)[:, None, None] + offset).astype(np.float32)

    def datasets(self) -> list[FileDataset]:
        return [self.enhanced()]

    def enhanced(self) -> FileDataset:
        """The whole series as one instance."""
        ds = self.dataset(0, self.stored()[0])
        for keyword in (
            "ImageOrientationPatient", "ImagePositionPatient", "PixelSpacing", "SliceThickness", "RescaleSlope",
            "RescaleIntercept", "RescaleType",
        ):  # fmt: skip
            if keyword in ds:
                delattr(ds, keyword)
        ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = KINDS[self.modality]
        order = [index for index in self.stored_order for _ in range(self.temporal_positions)]
        ds.NumberOfFrames = len(order)
        ds.PixelData = self.stored()[order].astype("<i2").tobytes()
        ds.PixelRepresentation = 1
        add_instance_modules(ds, self.modality, self.uid("dimensions"))
        ds.SharedFunctionalGroupsSequence = [self.shared_groups()]
        ds.PerFrameFunctionalGroupsSequence = [
            self.frame_groups(index, position % self.temporal_positions + 1) for position, index in enumerate(order)
        ]
        return ds

    def shared_groups(self) -> Dataset:
        groups = modality_groups(self.modality)
        groups.PixelMeasuresSequence = one(
            PixelSpacing=list(self.pixel_spacing),
            SliceThickness=self.slice_spacing,
            SpacingBetweenSlices=self.slice_spacing,
        )
        groups.PlaneOrientationSequence = one(ImageOrientationPatient=[f"{cosine:.10g}" for cosine in self.orientation])
        return groups

    def frame_groups(self, index: int, temporal_position: int) -> Dataset:
        groups = Dataset()
        groups.FrameContentSequence = one(
            FrameAcquisitionNumber=1,
            FrameReferenceDateTime="20240102030405",
            FrameAcquisitionDateTime="20240102030405",
            FrameAcquisitionDuration=1.0,
            StackID="1",
            InStackPositionNumber=index + 1,
            TemporalPositionIndex=temporal_position,
            DimensionIndexValues=[1, index + 1],
        )
        groups.PlanePositionSequence = one(ImagePositionPatient=[f"{mm:.8g}" for mm in self.position(index)])
        groups.PixelValueTransformationSequence = one(
            RescaleIntercept=-1000 if self.modality == "CT" else 0,
            RescaleSlope=self.slopes[index],
            RescaleType="HU" if self.modality == "CT" else "US",
        )
        return groups


def one(**attributes: Any) -> Sequence:
    """A sequence of one item."""
    item = Dataset()
    for keyword, value in attributes.items():
        setattr(item, keyword, value)
    return Sequence([item])


def add_instance_modules(ds: FileDataset, modality: str, dimensions: str) -> None:
    """What an enhanced image says beside its functional groups (PS3.3 A.36.2, A.38.1)."""
    ds.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    ds.DeviceSerialNumber, ds.ManufacturerModelName, ds.SoftwareVersions = "1", "Model", "1"
    ds.AcquisitionDateTime, ds.AcquisitionDuration = "20240102030405", 1.0
    ds.PixelPresentation, ds.VolumetricProperties = "MONOCHROME", "VOLUME"
    ds.VolumeBasedCalculationTechnique = "NONE"
    ds.ContentQualification, ds.PresentationLUTShape = "RESEARCH", "IDENTITY"
    ds.BurnedInAnnotation, ds.LossyImageCompression = "NO", "00"
    ds.DimensionOrganizationSequence = one(DimensionOrganizationUID=dimensions)
    ds.DimensionIndexSequence = Sequence([
        one(
            DimensionIndexPointer=pointer,
            FunctionalGroupPointer=0x00209111,
            DimensionOrganizationUID=dimensions,
        )[0]
        for pointer in (0x00209056, 0x00209057)
    ])  # fmt: skip
    ds.AcquisitionContextSequence = Sequence([])
    if modality == "MR":
        ds.MagneticFieldStrength, ds.ResonantNucleus, ds.KSpaceFiltering = 1.5, "1H", "NONE"
        ds.ApplicableSafetyStandardAgency = "IEC"
        ds.ComplexImageComponent, ds.AcquisitionContrast = "MAGNITUDE", "T1"
        ds.PulseSequenceName, ds.MRAcquisitionType, ds.EchoPulseSequence = "SE", "3D", "SPIN"
        ds.PatientPosition = "HFS"


def modality_groups(modality: str) -> Dataset:
    """Shared groups that an enhanced CT or MR image has to have."""
    groups = Dataset()
    frame_type = {
        "FrameType": ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"],
        "PixelPresentation": "MONOCHROME",
        "VolumetricProperties": "VOLUME",
        "VolumeBasedCalculationTechnique": "NONE",
    }
    if modality == "MR":
        frame_type |= {"ComplexImageComponent": "MAGNITUDE", "AcquisitionContrast": "T1"}
    setattr(groups, FRAME_TYPES[modality], one(**frame_type))
    groups.FrameAnatomySequence = one(FrameLaterality="U", AnatomicRegionSequence=code(codes.SCT.Brain))
    groups.FrameVOILUTSequence = one(WindowCenter=1000, WindowWidth=2000)
    return groups


def code(concept: Any) -> Sequence:
    """A code sequence of one code."""
    return one(CodeValue=concept.value, CodingSchemeDesignator=concept.scheme_designator, CodeMeaning=concept.meaning)
