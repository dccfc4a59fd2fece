"""THE table of what the product speaks over DIMSE: SOP classes, in which role, in which transfer syntaxes.

The listener is built from it, whoever calls is held against it, and docs/conformance.md is compared with it.
"""

from dataclasses import dataclass
from enum import StrEnum

from pydicom import uid
from pydicom.uid import UID
from pynetdicom import sop_class
from pynetdicom.presentation import PresentationContext, build_context

from sdseg.dicom.kinds import KINDS


class Purpose(StrEnum):
    """What the product does with objects or messages of a SOP class."""

    VERIFICATION = "verification"
    """C-ECHO."""
    RESULT = "result"
    """What we make: sent to archives; taken and ignored when a router's rule sends it back to us."""
    IMAGE = "image"
    """What may be segmented."""
    IGNORED = "ignored"
    """Belongs to studies that are routed to us: taken, answered with success, and not kept."""
    COMMITMENT = "commitment"
    """Storage commitment: asked for, never given."""


# Newer than pydicom's dictionary.
_NAMES = {sop_class.LabelMapSegmentationStorage: "Label Map Segmentation Storage"}


def name_of(klass: str) -> str:
    """Name of a SOP class (PS3.6 annex A)."""
    return _NAMES.get(klass) or UID(klass).name


@dataclass(frozen=True)
class Service:
    """A SOP class with the transfer syntaxes it is spoken in, the preferred one first."""

    sop_class: UID
    purpose: Purpose
    transfer_syntaxes: tuple[UID, ...]

    @property
    def name(self) -> str:
        return name_of(self.sop_class)


UNCOMPRESSED = (uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian)
# What pydicom's plug-ins among our requirements decode. Lossless before lossy.
IMAGE_SYNTAXES = (
    *UNCOMPRESSED,
    uid.DeflatedExplicitVRLittleEndian,
    uid.JPEGLosslessSV1,
    uid.JPEGLossless,
    uid.JPEGLSLossless,
    uid.JPEG2000Lossless,
    uid.RLELossless,
    uid.JPEGLSNearLossless,
    uid.JPEG2000,
    uid.JPEGExtended12Bit,
    uid.JPEGBaseline8Bit,
)
VERIFICATION = Service(UID(sop_class.Verification), Purpose.VERIFICATION, UNCOMPRESSED)
COMMITMENT = Service(UID(sop_class.StorageCommitmentPushModel), Purpose.COMMITMENT, UNCOMPRESSED)

RESULT_CLASSES = (
    UID(sop_class.SegmentationStorage),
    UID(sop_class.LabelMapSegmentationStorage),
    UID(sop_class.ParametricMapStorage),
)
IMAGE_CLASSES = tuple(KINDS)
# A rule of a router that forwards whole studies must not fail because of what else is in them.
IGNORED_CLASSES = (
    uid.SecondaryCaptureImageStorage,
    uid.GrayscaleSoftcopyPresentationStateStorage,
    uid.KeyObjectSelectionDocumentStorage,
    uid.BasicTextSRStorage,
    uid.EnhancedSRStorage,
    uid.ComprehensiveSRStorage,
    uid.Comprehensive3DSRStorage,
    uid.XRayRadiationDoseSRStorage,
    uid.RTStructureSetStorage,
    uid.EncapsulatedPDFStorage,
)

AS_SCU: tuple[Service, ...] = (
    VERIFICATION,
    *(Service(klass, Purpose.RESULT, UNCOMPRESSED) for klass in RESULT_CLASSES),
    COMMITMENT,
)
"""What we call others with. Results are written in Explicit VR; Implicit VR is for peers that take nothing else."""

AS_SCP: tuple[Service, ...] = (
    VERIFICATION,
    *(Service(klass, Purpose.IMAGE, IMAGE_SYNTAXES) for klass in IMAGE_CLASSES),
    *(Service(klass, Purpose.RESULT, IMAGE_SYNTAXES) for klass in RESULT_CLASSES),
    *(Service(klass, Purpose.IGNORED, IMAGE_SYNTAXES) for klass in IGNORED_CLASSES),
)
"""What others may call the node with. Reports of storage commitment come besides: there we stay the SCU."""


def listener_contexts() -> list[PresentationContext]:
    """What the node's listener accepts: `AS_SCP`, and storage commitment with the caller as SCP."""
    return [*(build_context(each.sop_class, list(each.transfer_syntaxes)) for each in AS_SCP), _reports()]


def report_listener_contexts() -> list[PresentationContext]:
    """What a listener accepts that waits for reports of storage commitment and stores nothing."""
    return [build_context(VERIFICATION.sop_class, list(VERIFICATION.transfer_syntaxes)), _reports()]


def purpose_of(klass: str) -> Purpose | None:
    """What the node does with objects of a storage SOP class; None: it takes no such object."""
    return next((each.purpose for each in AS_SCP if each.sop_class == klass), None)


def _reports() -> PresentationContext:
    """Storage commitment with the roles turned round (PS3.7 D.3.3.4): who calls is the SCP, we are the SCU."""
    context = build_context(COMMITMENT.sop_class, list(COMMITMENT.transfer_syntaxes))
    context.scu_role, context.scp_role = False, True
    return context
