"""A reader of SEG for the tests that shares nothing with the product's: pydicom's headers and numpy's bits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset

MILLIMETRES = 1e-3
BACKGROUND = "125040"


@dataclass(frozen=True, eq=False)
class Plane:
    """Where the header of a source puts one slice; None for a picture."""

    position: NDArray[np.float64] | None
    orientation: NDArray[np.float64] | None
    spacing: NDArray[np.float64] | None


def complaints(
    seg: Path, sources: Sequence[Path], mask: NDArray[np.uint8], codes: Mapping[int, tuple[str, str | None]]
) -> list[str]:
    """What is wrong with a SEG of ours, one sentence each.

    `sources` in slice order, or one multi-frame instance; `mask` (slices, rows, columns) of segment numbers as the
    SEG counts them; `codes`: type and side of each segment.
    """
    stored = dcmread(seg)
    first = dcmread(sources[0], stop_before_pixels=True)
    found = [
        f"another {keyword}"
        for keyword in ("PatientID", "PatientName", "StudyInstanceUID", "FrameOfReferenceUID")
        if stored.get(keyword) != first.get(keyword)
    ]
    planes = planes_of(sources)
    found += wrong_segments(stored, codes)
    voxels: dict[tuple[tuple[str, int | None], int], NDArray[np.bool_]] = {}
    for number, (item, pixels) in enumerate(zip(stored.PerFrameFunctionalGroupsSequence, frames(stored), strict=True)):
        references = [
            source
            for derivation in item.get("DerivationImageSequence", [])
            for source in derivation.get("SourceImageSequence", [])
        ]
        key = reference(references[0]) if len(references) == 1 else None
        if key is None or key not in planes:
            found.append(f"frame {number + 1} refers to {len(references)} images, or to a strange one")
            continue
        if is_off(item, stored.SharedFunctionalGroupsSequence[0], planes[key]):
            found.append(f"frame {number + 1} lies elsewhere than its source")
        for segment, where in segments_in(item, stored.SharedFunctionalGroupsSequence[0], pixels).items():
            if (key, segment) in voxels:
                found.append(f"frame {number + 1} comes twice")
            voxels[key, segment] = where
    return found + wrong_voxels(voxels, list(planes), mask)


def planes_of(sources: Sequence[Path]) -> dict[tuple[str, int | None], Plane]:
    """(SOPInstanceUID, frame number or None): where it lies; in slice order."""
    datasets = [dcmread(path, stop_before_pixels=True) for path in sources]
    if "PerFrameFunctionalGroupsSequence" not in datasets[0]:
        return {
            (dataset.SOPInstanceUID, number): plane(dataset, dataset, dataset)
            for dataset in datasets
            for number in (range(1, int(dataset.NumberOfFrames) + 1) if "NumberOfFrames" in dataset else [None])
        }
    (dataset,) = datasets
    shared = dataset.SharedFunctionalGroupsSequence[0]
    found = {}
    for number, item in enumerate(dataset.PerFrameFunctionalGroupsSequence, 1):
        groups = [
            (item if name in item else shared)[name].value[0]
            for name in ("PlanePositionSequence", "PlaneOrientationSequence", "PixelMeasuresSequence")
        ]
        found[dataset.SOPInstanceUID, number] = plane(*groups)
    return dict(sorted(found.items(), key=lambda entry: along_normal(entry[1])))


def plane(position: Dataset, orientation: Dataset, spacing: Dataset) -> Plane:
    if "ImagePositionPatient" not in position:
        return Plane(None, None, None)
    return Plane(
        np.array(position.ImagePositionPatient, dtype=float),
        np.array(orientation.ImageOrientationPatient, dtype=float),
        np.array(spacing.PixelSpacing, dtype=float),
    )


def along_normal(one: Plane) -> float:
    assert one.position is not None and one.orientation is not None
    return float(np.cross(one.orientation[:3], one.orientation[3:]) @ one.position)


def reference(item: Dataset) -> tuple[str, int | None]:
    frame = item.get("ReferencedFrameNumber")
    return item.ReferencedSOPInstanceUID, None if frame is None else int(frame)


def is_off(item: Dataset, shared: Dataset, source: Plane) -> bool:
    """Whether a frame lies over a thousandth of a millimetre away from its source in any of its corners."""
    if source.position is None or source.orientation is None or source.spacing is None:
        return "PlanePositionSequence" in item or "PlanePositionSequence" in shared
    own = plane(
        *(
            (item if name in item else shared)[name].value[0]
            for name in ("PlanePositionSequence", "PlaneOrientationSequence", "PixelMeasuresSequence")
        )
    )
    assert own.position is not None and own.orientation is not None and own.spacing is not None
    steps = [(own, 1), (source, -1)]
    position = sum(sign * one.position for one, sign in steps)
    row = sum(sign * one.orientation[:3] * one.spacing[1] for one, sign in steps)
    column = sum(sign * one.orientation[3:] * one.spacing[0] for one, sign in steps)
    corners = [position, position + 511 * row, position + 511 * column]
    return max(float(np.linalg.norm(corner)) for corner in corners) > MILLIMETRES


def frames(stored: Dataset) -> NDArray[np.uint8]:
    """(frames, rows, columns) of uncompressed pixels."""
    rows, columns, count = stored.Rows, stored.Columns, int(stored.NumberOfFrames)
    stored_bytes = np.frombuffer(stored.PixelData, dtype=np.uint8)
    if stored.BitsAllocated == 1:
        stored_bytes = np.unpackbits(stored_bytes, bitorder="little")
    return stored_bytes[: count * rows * columns].reshape(count, rows, columns)


def segments_in(item: Dataset, shared: Dataset, pixels: NDArray[np.uint8]) -> dict[int, NDArray[np.bool_]]:
    """Segment number: its voxels in one frame, of either segmentation type."""
    groups = item if "SegmentIdentificationSequence" in item else shared
    if "SegmentIdentificationSequence" in groups:
        return {int(groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber): pixels > 0}
    return {int(value): pixels == value for value in np.unique(pixels) if value}


def wrong_segments(stored: Dataset, codes: Mapping[int, tuple[str, str | None]]) -> list[str]:
    """Numbers, codes, sides and algorithm types that are not as expected."""
    found, described = [], []
    for item in stored.SegmentSequence:
        kind = item.SegmentedPropertyTypeCodeSequence[0]
        sides = [side.CodeValue for side in kind.get("SegmentedPropertyTypeModifierCodeSequence", [])]
        number = int(item.SegmentNumber)
        if (number, kind.CodeValue) == (0, BACKGROUND):
            continue
        described.append(number)
        if codes.get(number) != (kind.CodeValue, sides[0] if sides else None):
            found.append(f"segment {number} is coded as {kind.CodeValue} {sides}")
        if item.SegmentAlgorithmType != "AUTOMATIC":
            found.append(f"segment {number} is {item.SegmentAlgorithmType}")
    if described != sorted(codes):
        found.append(f"the segments {described} are described")
    return found


def wrong_voxels(
    voxels: Mapping[tuple[tuple[str, int | None], int], NDArray[np.bool_]],
    planes: Sequence[tuple[str, int | None]],
    mask: NDArray[np.uint8],
) -> list[str]:
    """Slices whose voxels are not those of the mask, by the source they refer to."""
    found = []
    for index, key in enumerate(planes):
        for segment in range(1, int(mask.max()) + 1):
            expected = mask[index] == segment
            if not np.array_equal(voxels.get((key, segment), np.zeros_like(expected)), expected):
                found.append(f"segment {segment} in slice {index} has other voxels")
    return found
