"""Which kinds of DICOM objects can be segmented, and the sentences for those that cannot (PS3.4 B.5)."""

from enum import Enum

from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    ComputedRadiographyImageStorage,
    CTImageStorage,
    DigitalXRayImageStorageForPresentation,
    DigitalXRayImageStorageForProcessing,
    EnhancedCTImageStorage,
    EnhancedMRImageStorage,
    EnhancedPETImageStorage,
    LegacyConvertedEnhancedCTImageStorage,
    LegacyConvertedEnhancedMRImageStorage,
    LegacyConvertedEnhancedPETImageStorage,
    MRImageStorage,
    OphthalmicPhotography8BitImageStorage,
    PositronEmissionTomographyImageStorage,
    VideoEndoscopicImageStorage,
    VideoMicroscopicImageStorage,
    VideoPhotographicImageStorage,
    VLEndoscopicImageStorage,
    VLPhotographicImageStorage,
    VLWholeSlideMicroscopyImageStorage,
)

from sdseg.dicom.header import integer, label, text, uid
from sdseg.dicom.named import refusal_of
from sdseg.dicom.scan import kind_name
from sdseg.errors import GeometryError


class Family(Enum):
    """How the slices of a series are found."""

    SLICES = "single-frame volume"
    FRAMES = "multi-frame volume"
    PICTURES = "pictures"


KINDS = {
    CTImageStorage: Family.SLICES,
    MRImageStorage: Family.SLICES,
    PositronEmissionTomographyImageStorage: Family.SLICES,
    EnhancedCTImageStorage: Family.FRAMES,
    EnhancedMRImageStorage: Family.FRAMES,
    EnhancedPETImageStorage: Family.FRAMES,
    LegacyConvertedEnhancedCTImageStorage: Family.FRAMES,
    LegacyConvertedEnhancedMRImageStorage: Family.FRAMES,
    LegacyConvertedEnhancedPETImageStorage: Family.FRAMES,
    VLEndoscopicImageStorage: Family.PICTURES,
    VLPhotographicImageStorage: Family.PICTURES,
    OphthalmicPhotography8BitImageStorage: Family.PICTURES,
    ComputedRadiographyImageStorage: Family.PICTURES,
    DigitalXRayImageStorageForPresentation: Family.PICTURES,
    DigitalXRayImageStorageForProcessing: Family.PICTURES,
}
ACCEPTED = (
    "choose a series of single-frame or multi-frame CT, MR or PET images, of endoscopic, photographic or ophthalmic "
    "pictures, or of CR or DX images."
)
VIDEOS = (VideoEndoscopicImageStorage, VideoMicroscopicImageStorage, VideoPhotographicImageStorage)
MULTI_FRAME_PICTURES = frozenset({OphthalmicPhotography8BitImageStorage})
"""Pictures whose kind allows several in one instance."""


def family_of(dataset: Dataset) -> Family:
    """The family of an image; GeometryError for anything that is none, is a localizer or a part of an image."""
    kind = UID(text(dataset, "SOPClassUID"))
    if kind in VIDEOS:
        raise refusal(dataset, f"is a video ({kind.name}): export single pictures of it.")
    if kind == VLWholeSlideMicroscopyImageStorage:
        raise refusal(dataset, f"is a whole slide in tiles ({kind.name}), which cannot be segmented: {ACCEPTED}")
    if kind not in KINDS:
        raise refusal(dataset, f"is of the kind {kind_name(kind)}, which cannot be segmented: {ACCEPTED}")
    if "LOCALIZER" in text(dataset, "ImageType").upper().split("\\"):
        raise refusal(dataset, "is a localizer: leave localizers out, or choose another series.")
    if text(dataset, "ConcatenationUID") and integer(dataset, "InConcatenationTotalNumber") != 1:
        raise refusal(dataset, "is one part of a concatenation: ask the archive for the whole image in one instance.")
    check_frames(dataset, kind)
    return KINDS[kind]


def check_frames(dataset: Dataset, kind: UID) -> None:
    """Only as many frames and colours as the kind allows."""
    family = KINDS[kind]
    several = family is Family.FRAMES or kind in MULTI_FRAME_PICTURES
    frames = integer(dataset, "NumberOfFrames")
    if (frames is None and text(dataset, "NumberOfFrames")) or (frames is not None and frames < 1):
        raise refusal(dataset, "has a NumberOfFrames that is no positive number: export the series again.")
    colour = family is Family.PICTURES
    if ((frames or 1) > 1 and not several) or ((integer(dataset, "SamplesPerPixel") or 1) > 1 and not colour):
        raise refusal(
            dataset,
            f"holds several frames or colour, which {kind.name} does not allow: "
            "choose a series of the original grey-scale images.",
        )


def refusal(dataset: Dataset, what: str) -> GeometryError:
    """`<label of the instance> <what>`, and whose fault it is."""
    return refusal_of(f"{label(dataset)} {what}", uid(dataset, "SOPInstanceUID"))
