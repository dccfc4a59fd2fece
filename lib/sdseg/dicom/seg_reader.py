"""DICOM SEG in: a segmentation by anyone, on the grid of the series it belongs to (PS3.3 A.51)."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import SegmentationStorage

from sdseg.dicom.codes import plain
from sdseg.dicom.files import read_file
from sdseg.dicom.geometry import LPS_TO_RAS, SeriesGeometry
from sdseg.dicom.header import integer, text
from sdseg.dicom.scan import LABEL_MAP_SEGMENTATION_STORAGE
from sdseg.dicom.seg_frames import SegFrame, frames_of
from sdseg.dicom.series import Series
from sdseg.errors import LabelError

GRID_TOLERANCE = 0.01
"""Largest distance of a SEG voxel from a source voxel, in voxels: more is another grid, not rounding."""
SAME_AS_SERIES = ("PatientID", "StudyInstanceUID", "FrameOfReferenceUID")


def read_seg(
    seg: str | Path | Dataset, series: Series, labels: Mapping[str, int] | None = None
) -> tuple[NDArray[np.uint8], dict[str, int]]:
    """The labelmap of a BINARY or LABELMAP SEG on the full grid of `series`, and its labels.

    Frames are placed by their position, so missing, flipped, cropped or reordered ones are no matter; a SEG that
    would need resampling is refused. Values are segment numbers, or those of `labels` (name: value) where given.

    Returns: uint8 (slices, rows, columns); {label: value}. Raises LabelError: other patient, study, frame of
    reference or grid, overlapping segments, FRACTIONAL, damaged; InputError: no DICOM file.
    """
    dataset = seg if isinstance(seg, Dataset) else read_file(Path(seg))
    check_kind(dataset)
    check_same_patient(dataset, series)
    labelmap = np.zeros(series.geometry.shape, dtype=np.uint8)
    for frame in frames_of(dataset):
        place(frame, labelmap, series.geometry)
    found = segment_labels(dataset)
    stray = sorted(set(np.unique(labelmap).tolist()) - {0, *found.values()})
    if stray:
        raise LabelError(f"The SEG uses segment {stray[0]}, which it does not describe: export it again.")
    return (labelmap, found) if labels is None else rename(labelmap, found, labels)


def check_kind(seg: Dataset) -> None:
    """BINARY or LABELMAP segmentation, or LabelError."""
    if text(seg, "SOPClassUID") not in (SegmentationStorage, LABEL_MAP_SEGMENTATION_STORAGE):
        raise LabelError("The file is no DICOM segmentation: give a SEG object.")
    if text(seg, "SegmentationType") not in ("BINARY", "LABELMAP"):
        kind = text(seg, "SegmentationType") or "unknown"
        raise LabelError(f"The SEG is of the type {kind}: only BINARY and LABELMAP are read.")


def check_same_patient(seg: Dataset, series: Series) -> None:
    """The SEG was made for this patient, study and frame of reference, or LabelError."""
    for keyword in SAME_AS_SERIES:
        if text(seg, keyword) != text(series.datasets[0], keyword):
            raise LabelError(
                f"The SEG does not belong to this series (another {keyword}): choose the image that it was made for."
            )


def place(frame: SegFrame, labelmap: NDArray[np.uint8], geometry: SeriesGeometry) -> None:
    """Write the foreground of a frame into the labelmap (slices, rows, columns)."""
    to_index = source_index(frame, geometry)
    row, column = np.nonzero(frame.pixels)
    index = to_index @ np.stack([column, row, np.ones_like(row)])
    if ((index < 0) | (index >= np.array(labelmap.shape[::-1])[:, None])).any():
        raise LabelError(
            f"Frame {frame.number} of the SEG reaches beyond the series: choose the image it was made for."
        )
    values = frame.pixels[row, column] if frame.segment is None else np.full(row.shape, frame.segment)
    if values.size and values.max() > np.iinfo(np.uint8).max:
        raise LabelError(f"The SEG has a segment number of {values.max()}: numbers above 255 are not read.")
    at = (index[2], index[1], index[0])
    other = np.setdiff1d(labelmap[at], [0, *np.unique(values)])
    if other.size:
        raise LabelError(f"Segments {other[0]} and {values[0]} of the SEG overlap: give each voxel one label.")
    labelmap[at] = values


def source_index(frame: SegFrame, geometry: SeriesGeometry) -> NDArray[np.int64]:
    """Whole-number matrix (3, 3) from (column, row, 1) of a frame to (column, row, slice) of the series.

    LabelError where frame and series do not share one grid.
    """
    lps = LPS_TO_RAS @ geometry.affine
    exact = np.linalg.inv(lps[:3, :3]) @ (frame.affine - np.outer(lps[:3, 3], [0, 0, 1]))
    whole = np.round(exact)
    rows, columns = frame.pixels.shape
    corners = np.array([[0, 0, 1], [columns - 1, 0, 1], [0, rows - 1, 1], [columns - 1, rows - 1, 1]]).T
    off = np.abs((exact - whole) @ corners).max()
    one_step = (np.abs(whole[:, :2]).sum(axis=0) == 1).all()
    if off > GRID_TOLERANCE or not one_step:
        raise LabelError(
            f"Frame {frame.number} of the SEG at {frame.position.tolist()} mm does not lie on the voxel grid of the "
            "series: resample the segmentation to the original images."
        )
    return whole.astype(np.int64)


def segment_labels(seg: Dataset) -> dict[str, int]:
    """SegmentLabel: SegmentNumber, without the background of a LABELMAP."""
    found: dict[str, int] = {}
    for item in seg.get("SegmentSequence") or []:
        number = integer(item, "SegmentNumber") or 0
        name = text(item, "SegmentLabel") or f"segment {number}"
        if name in found:
            raise LabelError(f'Two segments of the SEG are called "{name}": give each its own name.')
        if number > 0:
            found[name] = number
    return found


def rename(
    labelmap: NDArray[np.uint8], found: Mapping[str, int], labels: Mapping[str, int]
) -> tuple[NDArray[np.uint8], dict[str, int]]:
    """The same labelmap with the values of `labels`, matched by name."""
    wanted = {plain(name): number for name, number in labels.items()}
    table = np.zeros(256, dtype=np.uint8)
    for name, number in found.items():
        if plain(name) in wanted:
            table[number] = wanted[plain(name)]
        elif (labelmap == number).any():
            raise LabelError(f'The SEG has a segment "{name}", but the labels are {", ".join(labels)}.')
    return table[labelmap], dict(labels)
