"""The checks of the geometry gate in their order: kind, size, identity, grid, pixels."""

from collections.abc import Sequence

from pydicom.dataset import Dataset
from pydicom.uid import UID

from sdseg.dicom.geometry import SeriesGeometry, check_geometry
from sdseg.dicom.groups import check_groups
from sdseg.dicom.header import integer, label, text, uid
from sdseg.dicom.kinds import MULTI_FRAME_PICTURES, Family, family_of
from sdseg.dicom.limits import check_sizes
from sdseg.dicom.named import refusal_of
from sdseg.dicom.pictures import PictureGeometry, check_pictures
from sdseg.dicom.pixel_header import check_pixel_header, pixel_corrections
from sdseg.dicom.plane import plane_of
from sdseg.dicom.source_frame import SourceFrame, frames_in
from sdseg.dicom.uniformity import refuse_odd_ones

Geometry = SeriesGeometry | PictureGeometry
REQUIRED_UIDS = ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID")


def admit(datasets: Sequence[Dataset]) -> tuple[tuple[SourceFrame, ...], Geometry, tuple[str, ...]]:
    """The slices of a series in order, their geometry and what was corrected; or GeometryError."""
    instances = [SourceFrame(dataset) for dataset in datasets]
    families = {id(dataset): family_of(dataset) for dataset in datasets}
    for instance in instances:
        check_uids(instance)
    if not instances:
        raise refusal_of("The series has 0 slice(s): send all of its images.")
    refuse_odd_ones(instances, lambda instance: families[id(instance.dataset)].value, "their kind", show=True)
    check_sizes(datasets)
    family = families[id(datasets[0])]
    frames = [frame for dataset in datasets for frame in frames_of(dataset, family)]
    geometry = check_pictures(frames) if family is Family.PICTURES else check_geometry([*map(plane_of, frames)])
    refuse_copies(instances)
    for dataset in datasets:
        check_pixel_header(dataset, colour=family is Family.PICTURES)
    in_order = tuple(frames[index] for index in geometry.order)
    return in_order, geometry, (*geometry.corrections, *pixel_corrections(in_order))


def frames_of(dataset: Dataset, family: Family) -> list[SourceFrame]:
    """The frames of an instance; those of a volume are described one by one."""
    if family is Family.FRAMES:
        check_groups(dataset, integer(dataset, "NumberOfFrames") or 1)
        return frames_in(dataset, several=True)
    return frames_in(dataset, several=UID(text(dataset, "SOPClassUID")) in MULTI_FRAME_PICTURES)


def check_uids(instance: SourceFrame) -> None:
    """A segmentation can refer to this instance."""
    missing = [keyword for keyword in REQUIRED_UIDS if not uid(instance.dataset, keyword)]
    if missing:
        raise refusal_of(
            f"{label(instance.dataset)} has no valid {' and '.join(missing)}, so that no result can refer to it: "
            "export the original series.",
            instance.sop_instance_uid,
        )


def refuse_copies(instances: Sequence[SourceFrame]) -> None:
    """No two instances share a SOPInstanceUID."""
    seen: dict[str, SourceFrame] = {}
    for instance in instances:
        other = seen.setdefault(instance.sop_instance_uid, instance)
        if other is not instance:
            raise refusal_of(
                f"{other.label} and {instance.label} share one SOPInstanceUID: remove the copy.",
                instance.sop_instance_uid,
            )
