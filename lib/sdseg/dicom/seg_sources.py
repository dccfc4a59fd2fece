"""True references of an object that highdicom derived from the stand-in of `source_headers.source_image`.

The stand-in is replaced by what its frames stand for: an instance, or a frame of one. Pictures lose the place in the
patient that was made up for them. Works for a SEG and for a Parametric Map.
"""

from collections.abc import Iterator

from pydicom.dataset import Dataset
from pydicom.tag import Tag

from sdseg.dicom.header import text
from sdseg.dicom.series import Series
from sdseg.dicom.source_frame import SourceFrame

PLACE, FRAME_LABEL, FRAME_CONTENT = (
    Tag(keyword) for keyword in ("ImagePositionPatient", "FrameLabel", "FrameContentSequence")
)
MADE_UP = ("FrameOfReferenceUID", "PositionReferenceIndicator", "DimensionOrganizationType")
MADE_UP_GROUPS = ("PlanePositionSequence", "PlaneOrientationSequence", "PixelMeasuresSequence")


def name_sources(derived: Dataset, series: Series) -> None:
    """Let `derived`, made from `source_image(series)`, refer to the true instances and frames; in place."""
    derived.SourceImageSequence = every = references(series)
    derived.ReferencedSeriesSequence[0].ReferencedInstanceSequence = every
    frames = list(derived.PerFrameFunctionalGroupsSequence)
    # All first: highdicom lets frames of one slice share their items.
    indices = [slice_of(item) for item in frames]
    for item, index in zip(frames, indices, strict=True):
        for source in source_items(item):
            name_source(source, series.frames[index])
        if not series.is_volume:
            item.FrameContentSequence[0].FrameLabel = f"picture {index + 1}"
    if not series.is_volume:
        forget_place(derived)
        derived.PatientOrientation = shared_orientation(series)


def slice_of(frame: Dataset) -> int:
    """The slice that a Per-Frame Functional Groups item is derived from, as the stand-in counts them."""
    return int(next(source_items(frame)).ReferencedFrameNumber) - 1


def name_source(item: Dataset, frame: SourceFrame) -> Dataset:
    """Let an item name a frame of the series: SOP Class, SOP Instance and, where it is one of several, the frame.

    Those attributes of PS3.3 Table 10-3; the item is given back.
    """
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = frame.sop_class_uid, frame.sop_instance_uid
    if frame.number is not None:
        item.ReferencedFrameNumber = frame.number
    elif "ReferencedFrameNumber" in item:
        del item.ReferencedFrameNumber
    return item


def references(series: Series) -> list[Dataset]:
    """One reference for each instance of the series."""
    return [name_source(Dataset(), SourceFrame(dataset)) for dataset in series.datasets]


def source_items(frame: Dataset) -> Iterator[Dataset]:
    """Source Image Sequence items of one Per-Frame Functional Groups item."""
    for derivation in frame.get("DerivationImageSequence") or []:
        yield from derivation.get("SourceImageSequence") or []


def forget_place(derived: Dataset) -> None:
    """Take the made-up place in the patient away; the labels of their pictures tell the frames apart instead."""
    for keyword in MADE_UP:
        if keyword in derived:
            delattr(derived, keyword)
    for item in (*derived.SharedFunctionalGroupsSequence, *derived.PerFrameFunctionalGroupsSequence):
        for keyword in MADE_UP_GROUPS:
            if keyword in item:
                delattr(item, keyword)
    for index in derived.DimensionIndexSequence:
        if index.DimensionIndexPointer == PLACE:
            index.DimensionIndexPointer, index.FunctionalGroupPointer = FRAME_LABEL, FRAME_CONTENT
            index.DimensionDescriptionLabel = "Frame Label"


def shared_orientation(series: Series) -> list[str]:
    """PatientOrientation (PS3.3 C.7.6.1.1.1) where all pictures have the same, else empty: type 2 without a place."""
    found = {text(dataset, "PatientOrientation") for dataset in series.datasets}
    return found.pop().split("\\") if len(found) == 1 and "" not in found else []
