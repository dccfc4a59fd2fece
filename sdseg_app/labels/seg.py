"""DICOM SEG objects of what a model found and of what a person made of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from highdicom.seg import Segmentation
from numpy.typing import NDArray

from sdseg.dicom.seg_planes import MaskPlanes
from sdseg.dicom.seg_writer import build_seg, write_seg
from sdseg.dicom.series import Series
from sdseg.inference.provenance import provenance_from

Labelmap = NDArray[np.uint8]  # (i, j, k) = (column, row, slice)
Facts = Mapping[str, Any]  # what an inference told, see sdseg.inference.provenance


def write_seg_of_model(path: Path, series: Series, planes: MaskPlanes, labels: dict[str, int], facts: Facts) -> str:
    """Write the SEG of an untouched result, frame by frame, and give its SOPInstanceUID.

    `facts` may name a segmentation_type. Raises EmptySegmentationError, LabelError, OSError.
    """
    kind = facts.get("segmentation_type", "BINARY")
    return write_seg(path, series, planes, labels, provenance_from(facts), segmentation_type=kind)


def seg_of_annotator(
    series: Series, labelmap: Labelmap, labels: dict[str, int], facts: Facts | None, annotator: str = ""
) -> Segmentation:
    """A label that a person saved: SEMIAUTOMATIC after an inference on this image, told by `facts`, else MANUAL.

    `annotator` becomes its ContentCreatorName (0070,0084), where it can be one.
    Raises EmptySegmentationError, LabelError.
    """
    provenance = provenance_from(facts) if facts is not None else None
    volume = labelmap.transpose(2, 1, 0)  # to (slices, rows, columns)
    return build_seg(series, volume, labels, provenance, edited=True, content_creator_name=annotator or None)
