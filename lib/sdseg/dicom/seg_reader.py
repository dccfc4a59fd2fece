"""DICOM SEG in: a segmentation by anyone, on the grid of the series it belongs to (PS3.3 A.51)."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import SegmentationStorage

from sdseg.dicom.codes import plain
from sdseg.dicom.files import read_file
from sdseg.dicom.header import integer, text
from sdseg.dicom.scan import LABEL_MAP_SEGMENTATION_STORAGE
from sdseg.dicom.seg_frames import frames_of, items_of
from sdseg.dicom.seg_merge import Merger, merger_for
from sdseg.dicom.seg_place import SeriesPlaces
from sdseg.dicom.series import Series
from sdseg.errors import LabelError

log = logging.getLogger(__name__)
SAME_AS_SERIES = ("PatientID", "StudyInstanceUID", "FrameOfReferenceUID")
MARGIN = 4
"""So many times the largest plane of the series a frame may have in pixels: some programs export with a margin."""
HIGHEST_VALUE = np.iinfo(np.uint8).max


def read_seg(
    seg: str | Path | Dataset,
    series: Series,
    labels: Mapping[str, int] | None = None,
    *,
    overlap: Literal["refuse", "last"] = "refuse",
    fraction: float = 0.5,
) -> tuple[NDArray[np.uint8], dict[str, int]]:
    """The labelmap of a BINARY, LABELMAP or FRACTIONAL SEG on the full grid of `series`, and its labels.

    Frames are placed by their position, those without one (of pictures) by the image and frame they refer to, so
    missing, flipped, cropped or reordered ones are no matter; a SEG that would need resampling is refused. A SEG
    that names another series of the same study and frame of reference is taken where its frames lie on this grid.

    Args:
        labels: {name: value} wanted. By default values are segment numbers, or 1..n in their order where one is
            above 255.
        overlap: what a voxel in several BINARY segments gets: "refuse" the SEG, or the "last", the highest number.
        fraction: of MaximumFractionalValue from which on a voxel of a FRACTIONAL SEG counts, be it probability or
            occupancy. Where segments overlap, the larger fraction wins, of equal ones the lower segment number.

    Returns: uint8 (slices, rows, columns); {label: value}. Raises LabelError: other patient, study, frame of
    reference or grid, overlapping segments, frames that contradict their reference, damaged; InputError: no DICOM.
    """
    dataset = seg if isinstance(seg, Dataset) else read_file(Path(seg))
    check_kind(dataset)
    check_same_patient(dataset, series)
    found = segment_labels(dataset)
    merger = merger_for(dataset, series.shape, overlap, fraction)
    fill(merger, dataset, series)
    stray = sorted(set(np.unique(merger.labelmap).tolist()) - {0, *found.values()})
    if stray:
        raise LabelError(f"The SEG uses segment {stray[0]}, which it does not describe: export it again.")
    return rename(merger.labelmap, found, labels if labels is not None else values_for(found))


def fill(merger: Merger, seg: Dataset, series: Series) -> None:
    """Put every frame of `seg` into the labelmap of `merger`."""
    places = SeriesPlaces(series)
    slices, rows, columns = series.shape
    for frame in frames_of(seg, MARGIN * max(rows * columns, slices * rows, slices * columns)):
        if frame.pixels.any():
            merger.add(frame, places.voxels(frame))


def check_kind(seg: Dataset) -> None:
    """A segmentation of a known type, or LabelError."""
    if text(seg, "SOPClassUID") not in (SegmentationStorage, LABEL_MAP_SEGMENTATION_STORAGE):
        raise LabelError("The file is no DICOM segmentation: give a SEG object.")
    if text(seg, "SegmentationType") not in ("BINARY", "LABELMAP", "FRACTIONAL"):
        kind = text(seg, "SegmentationType") or "unknown"
        raise LabelError(f"The SEG is of the type {kind}: only BINARY, LABELMAP and FRACTIONAL are read.")


def check_same_patient(seg: Dataset, series: Series) -> None:
    """The SEG was made for this patient, study and frame of reference, or LabelError."""
    for keyword in SAME_AS_SERIES:
        outside_patient_space = keyword == "FrameOfReferenceUID" and not series.is_volume
        if not outside_patient_space and text(seg, keyword) != text(series.datasets[0], keyword):
            raise LabelError(
                f"The SEG does not belong to this series (another {keyword}): choose the image that it was made for."
            )
    named = [text(item, "SeriesInstanceUID") for item in items_of(seg, "ReferencedSeriesSequence")]
    if named and series.series_instance_uid not in named:
        log.warning("The SEG names another series of this study as its source; it is taken where its frames fit.")


def segment_labels(seg: Dataset) -> dict[str, int]:
    """SegmentLabel: SegmentNumber, without the background of a LABELMAP; LabelError where one comes twice."""
    found: dict[str, int] = {}
    for item in items_of(seg, "SegmentSequence"):
        number = integer(item, "SegmentNumber")
        if number is None or number < 0:
            raise LabelError("A segment of the SEG has no number: export it again.")
        name = text(item, "SegmentLabel") or f"segment {number}"
        if number == 0:
            continue
        if name in found:
            raise LabelError(f'Two segments of the SEG are called "{name}": give each its own name.')
        if number in found.values():
            raise LabelError(f"Two segments of the SEG have the number {number}: export it again.")
        found[name] = number
    return found


def values_for(found: Mapping[str, int]) -> dict[str, int]:
    """A value for each label: its segment number, or 1..n in their order where one does not fit in a byte."""
    if all(number <= HIGHEST_VALUE for number in found.values()):
        return dict(found)
    if len(found) > HIGHEST_VALUE:
        raise LabelError(f"The SEG has {len(found)} segments: up to {HIGHEST_VALUE} are read.")
    return {name: value for value, name in enumerate(sorted(found, key=found.__getitem__), 1)}


def rename(
    labelmap: NDArray[np.uint16], found: Mapping[str, int], labels: Mapping[str, int]
) -> tuple[NDArray[np.uint8], dict[str, int]]:
    """The same labelmap with the values of `labels`, matched by name."""
    wanted = {plain(name): number for name, number in labels.items()}
    table = np.zeros(int(np.iinfo(labelmap.dtype).max) + 1, dtype=np.uint8)
    for name, number in found.items():
        if plain(name) in wanted:
            table[number] = wanted[plain(name)]
        elif (labelmap == number).any():
            raise LabelError(f'The SEG has a segment "{name}", but the labels are {", ".join(labels)}.')
    return table[labelmap], dict(labels)
