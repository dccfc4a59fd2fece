"""Small synthetic enhanced multi-frame CT, MR and PT: the volume of `SeriesMaker` in one instance.

CT and MR are valid to dciodvfy; PT says nothing of its radiopharmaceutical.
"""

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


def image_type(modality: str) -> list[str]:
    """CT and PT are derived, and need not tell how they were acquired."""
    return ["ORIGINAL" if modality == "MR" else "DERIVED", "PRIMARY", "VOLUME", "NONE"]


def add_instance_modules(ds: FileDataset, modality: str, dimensions: str) -> None:
    """What an enhanced image says beside its functional groups (PS3.3 A.36.2, A.38.1)."""
    ds.ImageType = image_type(modality)
    ds.DeviceSerialNumber, ds.ManufacturerModelName, ds.SoftwareVersions = "1", "Model", "1"
    ds.AcquisitionDateTime, ds.AcquisitionDuration = "20240102030405", 1.0
    ds.PixelPresentation, ds.VolumetricProperties = "MONOCHROME", "VOLUME"
    ds.VolumeBasedCalculationTechnique = "NONE"
    ds.PatientPosition = "HFS"
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
        ds.MultipleSpinEcho = ds.MultiPlanarExcitation = ds.PhaseContrast = ds.TimeOfFlightContrast = "NO"
        ds.SteadyStatePulseSequence, ds.EchoPlanarPulseSequence, ds.SaturationRecovery = "NONE", "NO", "NO"
        ds.SpectrallySelectedSuppression, ds.OversamplingPhase = "NONE", "NONE"
        ds.GeometryOfKSpaceTraversal, ds.SegmentedKSpaceTraversal = "RECTILINEAR", "SINGLE"
        ds.RectilinearPhaseEncodeReordering = "LINEAR"
        ds.CoverageOfKSpace, ds.NumberOfKSpaceTrajectories = "FULL", 1


def modality_groups(modality: str) -> Dataset:
    """Shared groups that an enhanced CT or MR image has to have."""
    groups = Dataset()
    frame_type = {
        "FrameType": image_type(modality),
        "PixelPresentation": "MONOCHROME",
        "VolumetricProperties": "VOLUME",
        "VolumeBasedCalculationTechnique": "NONE",
    }
    if modality == "MR":
        frame_type |= {"ComplexImageComponent": "MAGNITUDE", "AcquisitionContrast": "T1"}
        add_mr_groups(groups)
    if modality == "CT":
        groups.IrradiationEventIdentificationSequence = one(IrradiationEventUID="1.2.3.4")
    setattr(groups, FRAME_TYPES[modality], one(**frame_type))
    groups.FrameAnatomySequence = one(FrameLaterality="U", AnatomicRegionSequence=code(codes.SCT.Brain))
    groups.FrameVOILUTSequence = one(WindowCenter=1000, WindowWidth=2000)
    return groups


def add_mr_groups(groups: Dataset) -> None:
    """Shared groups of an original MR image (PS3.3 C.8.13.5)."""
    groups.MRTimingAndRelatedParametersSequence = one(
        RepetitionTime=2000.0, FlipAngle=90.0, EchoTrainLength=1, RFEchoTrainLength=1, GradientEchoTrainLength=0,
        GradientOutputType="DB_DT", GradientOutput=0.0,
        SpecificAbsorptionRateSequence=one(
            SpecificAbsorptionRateDefinition="IEC_WHOLE_BODY", SpecificAbsorptionRateValue=0.1
        ),
        OperatingModeSequence=one(OperatingModeType="STATIC FIELD", OperatingMode="IEC_NORMAL"),
    )  # fmt: skip
    groups.MREchoSequence = one(EffectiveEchoTime=10.0)
    groups.MRModifierSequence = one(
        InversionRecovery="NO", FlowCompensation="NONE", Spoiling="NONE", T2Preparation="NO",
        SpectrallySelectedExcitation="NONE", SpatialPresaturation="NONE", PartialFourier="NO",
        ParallelAcquisition="NO",
    )  # fmt: skip
    groups.MRImagingModifierSequence = one(
        MagnetizationTransfer="NONE", BloodSignalNulling="NO", Tagging="NONE", TransmitterFrequency=63.8,
        PixelBandwidth=200.0,
    )  # fmt: skip
    groups.MRReceiveCoilSequence = one(
        ReceiveCoilName="HEAD", ReceiveCoilManufacturerName="", ReceiveCoilType="HEAD", QuadratureReceiveCoil="YES"
    )
    groups.MRTransmitCoilSequence = one(
        TransmitCoilName="BODY", TransmitCoilManufacturerName="", TransmitCoilType="BODY"
    )
    groups.MRAveragesSequence = one(NumberOfAverages=1.0)
    groups.MRFOVGeometrySequence = one(
        InPlanePhaseEncodingDirection="ROW", MRAcquisitionFrequencyEncodingSteps=24,
        MRAcquisitionPhaseEncodingStepsInPlane=20, MRAcquisitionPhaseEncodingStepsOutOfPlane=6,
        PercentSampling=100.0, PercentPhaseFieldOfView=100.0,
    )  # fmt: skip


def code(concept: Any) -> Sequence:
    """A code sequence of one code."""
    return one(CodeValue=concept.value, CodingSchemeDesignator=concept.scheme_designator, CodeMeaning=concept.meaning)
