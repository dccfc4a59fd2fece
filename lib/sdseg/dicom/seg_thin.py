"""A SEG without its pixels: highdicom describes frames of one pixel, and is never given the mask itself.

It copies a pixel array several times over. What it makes of it besides the Pixel Data depends only on which segment
is in which slice; the true frames are put in afterwards, and `seg_check` reads all of them back.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from highdicom.seg import Segmentation, SegmentationTypeValues
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from sdseg.dicom.seg_bits import FrameKey
from sdseg.dicom.seg_labels import Segments
from sdseg.dicom.seg_sources import slice_of


def thin_segmentation(
    source: Dataset, content: Segments, kind: SegmentationTypeValues, options: Mapping[str, Any]
) -> tuple[Segmentation, list[FrameKey]]:
    """The object with all but its Pixel Data, and which frames belong there, in their order.

    Args:
        source: stands in for the series, see `source_image`.
        content: segments and their mask.
        kind: BINARY or LABELMAP.
        options: of highdicom's Segmentation.
    """
    _, rows, columns = content.planes.shape
    source.Rows = source.Columns = 1
    seg = Segmentation(
        source_images=[source],
        pixel_array=presence(content, kind),
        segmentation_type=kind,
        omit_empty_frames=True,
        **options,
    )
    seg.Rows, seg.Columns = rows, columns
    seg.SegmentsOverlap = "NO"  # a voxel of a labelmap has one value
    return seg, frame_keys(seg)


def presence(content: Segments, kind: SegmentationTypeValues) -> NDArray[np.uint8]:
    """What is in which slice, as frames of one pixel: (slices, 1, 1, segments) of 0 and 1; LABELMAP: (slices, 1, 1)."""
    held = [content.planes.values_in(index) for index in range(content.planes.shape[0])]
    if kind == SegmentationTypeValues.LABELMAP:
        return np.array([max(values, default=0) for values in held], dtype=np.uint8)[:, None, None]
    there = np.zeros((len(held), 1, 1, len(content.names)), dtype=np.uint8)
    for index, values in enumerate(held):
        there[index, 0, 0, [value - 1 for value in values]] = 1
    return there


def frame_keys(seg: Dataset) -> list[FrameKey]:
    """Slice and segment of each frame, as its functional groups say."""
    shared = seg.SharedFunctionalGroupsSequence[0]
    found: list[FrameKey] = []
    for item in seg.PerFrameFunctionalGroupsSequence:
        named = (item if "SegmentIdentificationSequence" in item else shared).get("SegmentIdentificationSequence")
        found.append((slice_of(item), int(named[0].ReferencedSegmentNumber) if named else None))
    return found
