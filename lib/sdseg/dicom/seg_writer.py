"""DICOM SEG out: a mask on the grid of its series, with its codes and its provenance (PS3.3 A.51)."""

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from highdicom.seg import Segmentation, SegmentationTypeValues
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian
from pydicom.valuerep import DT

from sdseg import __version__
from sdseg.dicom.provenance import LONG_STRING, SegProvenance
from sdseg.dicom.seg_bits import FrameKey, pixel_data
from sdseg.dicom.seg_body_part import body_part
from sdseg.dicom.seg_check import check_seg, check_stored
from sdseg.dicom.seg_describe import MANUFACTURER, AlgorithmType, Maker, describe, equipment
from sdseg.dicom.seg_file import save_seg
from sdseg.dicom.seg_identity import SegIdentity
from sdseg.dicom.seg_labels import Segments, segments
from sdseg.dicom.seg_on_disk import opened
from sdseg.dicom.seg_planes import MaskPlanes, planes_of
from sdseg.dicom.seg_sources import name_sources
from sdseg.dicom.seg_thin import thin_segmentation
from sdseg.dicom.series import Series
from sdseg.dicom.source_headers import seg_character_set, source_image
from sdseg.dicom.source_patient import PATIENT_NAME, usable
from sdseg.durable import replacing
from sdseg.errors import InputError

__all__ = ["SegProvenance", "SegmentationType", "build_seg", "save_seg", "write_seg"]
SegmentationType = Literal["BINARY", "LABELMAP"]


def build_seg(
    series: Series,
    labelmap: NDArray[np.integer] | MaskPlanes,
    labels: Mapping[str, int],
    provenance: SegProvenance | None,
    *,
    edited: bool = False,
    series_number: int | None = None,
    series_description: str | None = None,
    content_creator_name: str | None = None,
    created: datetime | None = None,
    segmentation_type: SegmentationType = "BINARY",
) -> Segmentation:
    """A segmentation of `series`, checked against its sources and its mask before it is returned.

    Args:
        labelmap: (slices, rows, columns) on the grid of the series, an array or planes; 0 is background.
        labels: {structure name: value}; values without a voxel get no segment and are logged.
        provenance: of the algorithm; None where a person drew the mask alone (MANUAL).
        edited: whether a person changed what the algorithm found (SEMIAUTOMATIC instead of AUTOMATIC).
        series_number, series_description: default to a number above those of scanners, and algorithm and labels.
        content_creator_name: person or program, Family^Given; left empty where it is no valid name.
        created: date and time of the object; now by default. UIDs do not depend on it.
        segmentation_type: BINARY (66.4), which every reader knows, or LABELMAP (66.7): one frame for all segments
            of a slice. UIDs depend on it.

    Raises LabelError: mask and labels do not fit the series or each other, unknown structure, or the SEG is not what
    was asked for; EmptySegmentationError: no voxel; InputError: unknown segmentation_type. Empty frames are left out.
    """
    draft = Draft.of(
        series,
        labelmap,
        labels,
        provenance,
        edited=edited,
        series_number=series_number,
        series_description=series_description,
        content_creator_name=content_creator_name,
        created=created,
        segmentation_type=segmentation_type,
    )
    draft.seg.PixelData = b"".join(draft.pixels())
    check_seg(draft.seg, series, draft.content, draft.algorithm_type)
    return draft.seg


def write_seg(
    path: Path,
    series: Series,
    planes: MaskPlanes,
    labels: Mapping[str, int],
    provenance: SegProvenance,
    *,
    created: datetime | None = None,
    segmentation_type: SegmentationType = "BINARY",
) -> str:
    """What `build_seg` builds, written to `path` frame by frame, checked in the file, and only then there at all.

    Gives its SOPInstanceUID. Of mask and pixels no more than a few slices are in memory at any time. Raises as
    `build_seg`; OSError: the disk refuses.
    """
    draft = Draft.of(series, planes, labels, provenance, created=created, segmentation_type=segmentation_type)
    with replacing(path) as file:
        with tempfile.TemporaryFile(dir=path.parent) as pixels:
            for piece in draft.pixels():
                pixels.write(piece)
            pixels.seek(0)
            draft.seg["PixelData"].value = pixels
            draft.seg.save_as(file, enforce_file_format=True)
        file.flush()
        content, kind, uid = draft.content, draft.algorithm_type, str(draft.seg.SOPInstanceUID)
        del draft  # thousands of frames are described in it, and are read again
        check_stored(opened(Path(file.name)), series, content, kind)
    return uid


@dataclass(frozen=True, eq=False)
class Draft:
    """A SEG that lacks its Pixel Data.

    Attributes:
        seg: everything else of it.
        content: segments and mask.
        frames: slice and segment of each frame, in their order.
        algorithm_type: of all segments.
    """

    seg: Segmentation
    content: Segments
    frames: list[FrameKey]
    algorithm_type: AlgorithmType

    @classmethod
    def of(
        cls,
        series: Series,
        labelmap: NDArray[np.integer] | MaskPlanes,
        labels: Mapping[str, int],
        provenance: SegProvenance | None,
        *,
        edited: bool = False,
        series_number: int | None = None,
        series_description: str | None = None,
        content_creator_name: str | None = None,
        created: datetime | None = None,
        segmentation_type: SegmentationType = "BINARY",
    ) -> "Draft":
        """Arguments and errors as for `build_seg`."""
        content = segments(labelmap, labels, series.shape)
        maker = Maker.of(provenance, edited)
        given = [segmentation_type, series_number, series_description, content_creator_name, sorted(labels.items())]
        configuration = repr([__version__, provenance, maker.algorithm_type, *given, content.structures])
        identity = SegIdentity.of(series, planes_of(content.planes), configuration)
        created = created or datetime.now()
        creator = person_name(content_creator_name or maker.name)
        description = (series_description or default_description(maker, content))[:LONG_STRING]
        added_text = f"{provenance} {maker} {creator} {description} {content.names} {content.structures}"
        options = {
            "segment_descriptions": describe(content, provenance, maker, identity),
            "series_instance_uid": identity.uid("series"),
            "series_number": series_number or identity.series_number,
            "series_description": description,
            "sop_instance_uid": identity.uid("instance"),
            "instance_number": 1,
            "manufacturer": MANUFACTURER,
            "manufacturer_model_name": maker.name,
            "software_versions": __version__,
            "device_serial_number": maker.serial_number,
            "content_label": "SDSEG",
            "content_description": default_description(maker, content)[:LONG_STRING],
            "content_date": created.date(),
            "content_time": created.time(),
            "transfer_syntax_uid": ExplicitVRLittleEndian,
            "contributing_equipment": [equipment(provenance)] if provenance else None,
            "specific_character_set": seg_character_set(series.datasets[0], added_text),
        }
        seg, frames = thin_segmentation(source_image(series), content, type_value(segmentation_type), options)
        name_sources(seg, series)
        finish(seg, series, identity, created)
        seg.ContentCreatorName = creator
        seg.update(body_part(series))
        return cls(seg, content, frames, maker.algorithm_type)

    def pixels(self) -> Iterator[bytes]:
        """The Pixel Data, a frame at a time."""
        return pixel_data(self.content.planes, self.frames)


def type_value(segmentation_type: str) -> SegmentationTypeValues:
    """highdicom's word for it; InputError where it is none of ours."""
    if segmentation_type not in get_args(SegmentationType):
        raise InputError(f"The segmentation type {segmentation_type} is none of BINARY, LABELMAP.")
    return SegmentationTypeValues(segmentation_type)


def default_description(maker: Maker, content: Segments) -> str:
    """SeriesDescription: who made it, and the labels."""
    return f"{maker.description}: {', '.join(content.names)}"


def finish(seg: Dataset, series: Series, identity: SegIdentity, created: datetime) -> None:
    """What highdicom draws at random, takes from the clock, or may not be shown: UIDs, times, the patient's name."""
    organization = identity.uid("dimension organization")
    seg.DimensionOrganizationSequence[0].DimensionOrganizationUID = organization
    for item in seg.DimensionIndexSequence:
        item.DimensionOrganizationUID = organization
    seg.InstanceCreationDate, seg.InstanceCreationTime = seg.ContentDate, seg.ContentTime
    for item in seg.get("ContributingEquipmentSequence", []):
        if "ContributionDateTime" in item:
            item.ContributionDateTime = DT(created.strftime("%Y%m%d%H%M%S"))
    name = usable(series.datasets[0], PATIENT_NAME)
    seg.PatientName = "" if name is None else name.value


def person_name(name: str) -> str:
    """A valid Person Name (PS3.5 6.2), "" where it is none; a lone name gets its caret."""
    parts = name.split("^")
    valid = len(name) <= LONG_STRING and len(parts) <= 5 and name.isprintable() and not set("\\=") & set(name)
    return "" if not valid or not parts[0].strip() else name if len(parts) > 1 else f"{name}^"
