"""Fixtures for segmentations: a mask that shows every flip, and a provenance."""

import numpy as np
import pytest
from numpy.typing import NDArray

from sdseg.dicom.seg_writer import SegProvenance


@pytest.fixture
def provenance() -> SegProvenance:
    return SegProvenance("SDSeg toy", "1.2", "0123456789abcdef" * 4, seed=7, steps=1, preset="tiny")


@pytest.fixture
def mask() -> NDArray[np.uint8]:
    """(6, 20, 24) with an unsymmetrical blob of 1 and of 2; slices 0 and 5 are empty, and slice 3 of 2."""
    found = np.zeros((6, 20, 24), dtype=np.uint8)
    found[1:5, 2:9, 3:17] = 1
    found[1, 4, 20] = 1
    found[2, 12:17, 1:5] = 2
    found[4, 18, 21:23] = 2
    return found
