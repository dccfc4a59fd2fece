"""What a SEG says about its segments and its maker (PS3.3 C.8.20.4, C.12.1)."""

from typing import Literal

from highdicom import ContributingEquipment
from highdicom.color import CIELabColor
from highdicom.seg import SegmentDescription
from highdicom.sr import CodedConcept
from pydicom.sr.codedict import codes

from sdseg import __version__
from sdseg.dicom.codes import Structure
from sdseg.dicom.provenance import SegProvenance, algorithm_identification
from sdseg.dicom.seg_identity import SegIdentity
from sdseg.dicom.seg_labels import Segments

AlgorithmType = Literal["AUTOMATIC", "SEMIAUTOMATIC"]
MANUFACTURER = "SDSeg"


def describe(
    content: Segments, provenance: SegProvenance, algorithm_type: AlgorithmType, identity: SegIdentity
) -> list[SegmentDescription]:
    """Segment Sequence items (PS3.3 C.8.20.4), one per label with voxels."""
    parameters = provenance.parameters
    if content.empty:
        parameters["not_found"] = " ".join(content.empty)
    algorithm = algorithm_identification(provenance, parameters)
    return [
        with_modifier(
            SegmentDescription(
                segment_number=number,
                segment_label=name,
                segmented_property_category=found.category,
                segmented_property_type=found.property_type,
                algorithm_type=algorithm_type,
                algorithm_identification=algorithm,
                tracking_id=f"{provenance.algorithm_name} {name} {identity.short}",
                tracking_uid=identity.uid(f"tracking {name}"),
                display_color=CIELabColor.from_rgb(*found.rgb),
            ),
            found,
        )
        for number, (name, found) in enumerate(zip(content.names, content.structures, strict=True), 1)
    ]


def with_modifier(segment: SegmentDescription, found: Structure) -> SegmentDescription:
    """Add the side of a paired organ: Segmented Property Type Modifier Code Sequence (0062,0011)."""
    if found.modifier is not None:
        modifier = CodedConcept.from_code(found.modifier)
        segment.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence = [modifier]
    return segment


def equipment(provenance: SegProvenance) -> ContributingEquipment:
    """This program as Processing Equipment (DCM 109102), PS3.3 C.12.1."""
    return ContributingEquipment(
        manufacturer=MANUFACTURER,
        purpose_of_reference=codes.DCM.ProcessingEquipment,
        manufacturer_model_name=provenance.algorithm_name,
        software_versions=[__version__, f"weights {provenance.weights_sha256[:16]}"],
        contribution_description="Segmentation by one-step latent diffusion",
    )
