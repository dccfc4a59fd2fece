"""What a SEG says about its segments and its maker (PS3.3 C.8.20.4, C.12.1)."""

from dataclasses import dataclass
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

AlgorithmType = Literal["AUTOMATIC", "SEMIAUTOMATIC", "MANUAL"]
MANUFACTURER = "SDSeg"


@dataclass(frozen=True)
class Maker:
    """Who made a segmentation, in the words of a SEG."""

    algorithm_type: AlgorithmType
    name: str
    description: str
    serial_number: str

    @classmethod
    def of(cls, provenance: SegProvenance | None, edited: bool) -> "Maker":
        """An algorithm, an algorithm and then a person, or, without provenance, a person alone."""
        if provenance is None:
            return cls("MANUAL", "SDSeg annotation", "Manual", "none")
        description = f"{provenance.algorithm_name} {provenance.algorithm_version}{', edited' if edited else ''}"
        kind: AlgorithmType = "SEMIAUTOMATIC" if edited else "AUTOMATIC"
        return cls(kind, provenance.algorithm_name, description, provenance.weights_sha256[:16])


def describe(
    content: Segments, provenance: SegProvenance | None, maker: Maker, identity: SegIdentity
) -> list[SegmentDescription]:
    """Segment Sequence items (PS3.3 C.8.20.4), one per label with voxels; a MANUAL one names no algorithm."""
    algorithm = None
    if provenance is not None:
        not_found = {"not_found": " ".join(content.empty)} if content.empty else {}
        algorithm = algorithm_identification(provenance, {**provenance.parameters, **not_found})
    return [
        with_modifier(
            SegmentDescription(
                segment_number=number,
                segment_label=name,
                segmented_property_category=found.category,
                segmented_property_type=found.property_type,
                algorithm_type=maker.algorithm_type,
                algorithm_identification=algorithm,
                tracking_id=f"{maker.name} {name} {identity.short}",
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
        contribution_description=f"Segmentation by {provenance.method}",
    )
