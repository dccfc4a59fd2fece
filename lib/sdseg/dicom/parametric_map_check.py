"""The last look at a Parametric Map before it leaves: it must lie where its sources lie."""

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from sdseg.dicom.header import numbers
from sdseg.dicom.parametric_map_order import slice_numbers, source_key
from sdseg.dicom.seg_check import POSITION_TOLERANCE_MM, encoded
from sdseg.dicom.seg_frames import first_item
from sdseg.dicom.series import Series
from sdseg.errors import LabelError


def check_map(made: Dataset, series: Series, values: NDArray[np.float32]) -> None:
    """Encode the map, read it back and hold it against its sources and its values; LabelError where it differs.

    `values`: float32 (slices, rows, columns). Every slice must be in it once, lie where its source lies and hold
    its values.
    """
    stored = encoded(made)
    pixels = np.frombuffer(stored.FloatPixelData, "<f4").reshape(-1, stored.Rows, stored.Columns)
    sources, seen = slice_numbers(series), []
    for number, (item, plane) in enumerate(zip(stored.PerFrameFunctionalGroupsSequence, pixels, strict=True), 1):
        index = sources.get(source_key(item))
        if index is None:
            raise wrong(f"frame {number} does not reference one image of the series")
        if series.is_volume and not lies_at(item, series.grid.positions[index]):
            raise wrong(f"frame {number} lies elsewhere than the image it references")
        if not np.array_equal(plane, values[index]):
            raise wrong(f"frame {number} holds another slice than the image it references")
        seen.append(index)
    if seen != list(range(len(values))):
        raise wrong("a slice is missing, stored twice or out of order")


def lies_at(item: Dataset, wanted: NDArray[np.float64]) -> bool:
    """Whether a Per-Frame Functional Groups item has this ImagePositionPatient."""
    position = numbers(first_item(item, "PlanePositionSequence"), "ImagePositionPatient", 3)
    return position is not None and bool(np.abs(position - wanted).max() <= POSITION_TOLERANCE_MM)


def wrong(what: str) -> LabelError:
    return LabelError(f"The Parametric Map would be wrong, so none is written: {what}; please report this.")
