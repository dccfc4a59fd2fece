"""Frames of a Parametric Map in the order of the slices.

Every frame tells its place, but the readers of 3D Slicer (dcmqi 1.5) and OHIF (adapters 5.14) go by the order in
which frames are stored, and take it to follow the slice normal. highdicom stores them the other way round: the map
would be shown upside down.
"""

import numpy as np
from pydicom.dataset import Dataset

from sdseg.dicom.header import integer, text
from sdseg.dicom.seg_frames import first_item
from sdseg.dicom.series import Series


def put_in_slice_order(made: Dataset, series: Series) -> None:
    """Sort frames and pixels as `series.frames`, and number them so; in place."""
    items, place = list(made.PerFrameFunctionalGroupsSequence), slice_numbers(series)
    order = sorted(range(len(items)), key=lambda number: place[source_key(items[number])])
    pixels = np.frombuffer(made.FloatPixelData, "<f4").reshape(len(items), -1)
    made.FloatPixelData = pixels[order].tobytes()
    made.PerFrameFunctionalGroupsSequence = [items[number] for number in order]
    for number, item in enumerate(made.PerFrameFunctionalGroupsSequence, 1):
        item.FrameContentSequence[0].DimensionIndexValues = [number]


def slice_numbers(series: Series) -> dict[tuple[str, int | None], int]:
    """(SOPInstanceUID, frame number) of each slice -> its index."""
    return {frame.key: index for index, frame in enumerate(series.frames)}


def source_key(item: Dataset) -> tuple[str, int | None]:
    """What a Per-Frame Functional Groups item references first: SOPInstanceUID and frame number."""
    source = first_item(first_item(item, "DerivationImageSequence"), "SourceImageSequence")
    return text(source, "ReferencedSOPInstanceUID"), integer(source, "ReferencedFrameNumber")
