"""DICOM Parametric Map out: a number a voxel on the grid of its series, float32 (PS3.3 A.75)."""

from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from highdicom import VOILUTFunctionValues, VOILUTTransformation
from highdicom.pm import DerivedPixelContrastValues, ImageFlavorValues, ParametricMap, RealWorldValueMapping
from highdicom.sr import CodeContentItem, CodedConcept
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import ExplicitVRLittleEndian

from sdseg import __version__
from sdseg.dicom.codes import Structure, structure
from sdseg.dicom.parametric_map_check import check_map
from sdseg.dicom.parametric_map_order import put_in_slice_order
from sdseg.dicom.provenance import LONG_STRING, SegProvenance
from sdseg.dicom.seg_describe import MANUFACTURER, equipment
from sdseg.dicom.seg_identity import SegIdentity
from sdseg.dicom.seg_sources import name_sources
from sdseg.dicom.seg_writer import finish, person_name
from sdseg.dicom.series import Series
from sdseg.dicom.source_headers import seg_character_set, source_image
from sdseg.errors import GeometryError, LabelError

ANATOMY = codes.SCT.AnatomicalStructure
LONGEST_TEXT = 1024  # VR ST, PS3.5 6.2


@dataclass(frozen=True)
class Quantity:
    """What the numbers are: a probability (CID 7180), or a statistic of it (CID 7464); 0 to `largest`, no unit."""

    name: str
    statistic: Code
    largest: float


PROBABILITY = Quantity("probability", codes.SCT.Mean, 1.0)
DISAGREEMENT = Quantity("disagreement", codes.SCT.StandardDeviation, 0.5)


def build_map(
    series: Series,
    values: NDArray[np.float32],
    label: str,
    quantity: Quantity,
    provenance: SegProvenance,
    *,
    created: datetime | None = None,
) -> ParametricMap:
    """A map of one structure over all slices of a volume, checked against its sources before it is returned.

    Args:
        values: (slices, rows, columns) on the grid of the series, from 0 to `quantity.largest`.
        label: of the structure; its codes stand in the quantity's definition.
        provenance: of the algorithm; `noises` in its `extra` tells over how many noises.
        created: date and time of the object; now by default. UIDs do not depend on it.

    Raises LabelError: values of another shape or out of range, an unknown structure, or the map is not what was asked
    for; GeometryError: pictures, for a Parametric Map must have a frame of reference (PS3.3 A.75).
    """
    if not series.is_volume:
        raise GeometryError("Pictures have no frame of reference, so no Parametric Map: write the map as NIfTI.")
    found, values = structure(label), checked(values, series, quantity)
    configuration = [__version__, repr(provenance), quantity.name, label]
    identity = SegIdentity.of(series, values, "\n".join(configuration))
    created = created or datetime.now()
    version = f"{provenance.algorithm_name} {provenance.algorithm_version}"
    made = ParametricMap(
        source_images=[source_image(series)],
        pixel_array=values,
        series_instance_uid=identity.uid("series"),
        series_number=identity.series_number,
        sop_instance_uid=identity.uid("instance"),
        instance_number=1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=provenance.algorithm_name,
        software_versions=__version__,
        device_serial_number=provenance.weights_sha256[:16],
        contains_recognizable_visual_features=False,
        real_world_value_mappings=[mapping(quantity, found)],
        voi_lut_transformations=[whole_range(quantity)],
        transfer_syntax_uid=ExplicitVRLittleEndian,
        content_label=quantity.name.upper(),
        content_description=f"{quantity.name.capitalize()} of {label}"[:LONG_STRING],
        content_creator_name=person_name(provenance.algorithm_name) or None,
        image_flavor=ImageFlavorValues.VOLUME,
        derived_pixel_contrast=DerivedPixelContrastValues.QUANTITY,
        derivation=codes.DCM.SegmentationImageDerivation,
        contributing_equipment=[equipment(provenance)],
        series_description=f"{version}: {quantity.name} of {label}"[:LONG_STRING],
        specific_character_set=seg_character_set(series.datasets[0], f"{provenance} {label} {found}"),
    )
    made.SharedFunctionalGroupsSequence[0].FrameAnatomySequence = [anatomy(found)]
    tell_derivation(made, quantity, provenance)
    name_sources(made, series)
    put_in_slice_order(made, series)
    finish(made, series, identity, created)
    check_map(made, series, values)
    return made


def checked(values: NDArray[np.float32], series: Series, quantity: Quantity) -> NDArray[np.float32]:
    """The values as contiguous float32; LabelError where they cannot be what they are said to be."""
    if values.shape != series.shape:
        raise LabelError(
            f"The {quantity.name} has the shape {values.shape}, the series {series.shape} (slices, rows, columns): "
            "measure it on the grid of the series."
        )
    values = np.ascontiguousarray(values, dtype=np.float32)
    if not (np.isfinite(values).all() and values.min() >= 0 and values.max() <= quantity.largest):
        raise LabelError(f"The {quantity.name} must lie between 0 and {quantity.largest}: it cannot be one.")
    return values


def whole_range(quantity: Quantity) -> VOILUTTransformation:
    """A window over all values; LINEAR would ask for a width of at least 1 (PS3.3 C.11.2.1.2)."""
    return VOILUTTransformation(
        window_center=quantity.largest / 2,
        window_width=quantity.largest,
        voi_lut_function=VOILUTFunctionValues.LINEAR_EXACT,
    )


def mapping(quantity: Quantity, found: Structure) -> RealWorldValueMapping:
    """Stored values are the real ones: a statistic over noises, of the probability of belonging to a structure.

    Real World Value Mapping (PS3.3 C.7.6.16.2.11); the definition names quantity, statistic and structure.
    """
    mapped = RealWorldValueMapping(
        lut_label=quantity.name.upper(),
        lut_explanation=f"{quantity.name.capitalize()} of {found.name}"[:LONG_STRING],
        unit=codes.UCUM.NoUnits,
        value_range=(0.0, quantity.largest),
        slope=1,
        intercept=0,
        quantity_definition=codes.DCM.FractionalProbabilisticSegmentation,
    )
    whose = codes.SCT.FindingSite if found.category == ANATOMY else codes.DCM.Finding
    for name, value in ((codes.DCM.Derivation, quantity.statistic), (whose, found.property_type)):
        mapped.QuantityDefinitionSequence.append(CodeContentItem(name=name, value=value))
    return mapped


def anatomy(found: Structure) -> Dataset:
    """Frame Anatomy (PS3.3 C.7.6.16.2.8), without which 3D Slicer's reader (dcmqi 1.5) crashes."""
    item = Dataset()
    item.FrameLaterality = {codes.SCT.Left: "L", codes.SCT.Right: "R"}.get(found.modifier, "U")
    region = found.property_type if found.category == ANATOMY else codes.SCT.Tissue
    item.AnatomicRegionSequence = [CodedConcept.from_code(region)]
    return item


def tell_derivation(made: ParametricMap, quantity: Quantity, provenance: SegProvenance) -> None:
    """Derivation Description (0008,2111) of every frame: algorithm and parameters, so that it can be made again."""
    parameters = ", ".join(f"{name}={value}" for name, value in provenance.parameters.items())
    told = f"{quantity.name.capitalize()} by {provenance.algorithm_name} {provenance.algorithm_version}: {parameters}"
    for frame in made.PerFrameFunctionalGroupsSequence:
        for derivation in frame.get("DerivationImageSequence") or []:
            derivation.DerivationDescription = told[:LONGEST_TEXT]


def over(provenance: SegProvenance, noises: int) -> SegProvenance:
    """The provenance of a map measured over several noises."""
    return replace(provenance, extra={**provenance.extra, "noises": str(noises)})
