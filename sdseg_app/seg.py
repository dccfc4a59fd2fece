"""DICOM SEG objects of what a model found and of what a person made of it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from highdicom.seg import Segmentation
from numpy.typing import NDArray

from sdseg import __version__
from sdseg.dicom.provenance import SegProvenance
from sdseg.dicom.seg_writer import build_seg
from sdseg.dicom.series import Series

Labelmap = NDArray[np.uint8]  # (i, j, k) = (column, row, slice)
Facts = Mapping[str, Any]  # what an inference told: model_name, preset, weights_sha256, seed


def seg_of_model(series: Series, labelmap: Labelmap, labels: dict[str, int], facts: Facts) -> Segmentation:
    """An untouched result. Raises EmptySegmentationError, LabelError."""
    return build_seg(series, labelmap.transpose(2, 1, 0), labels, _provenance(facts))


def seg_of_annotator(series: Series, labelmap: Labelmap, labels: dict[str, int], facts: Facts | None) -> Segmentation:
    """A label that a person saved: SEMIAUTOMATIC after an inference on this image, told by `facts`, else MANUAL.

    Raises EmptySegmentationError, LabelError.
    """
    mask = labelmap.transpose(2, 1, 0)
    names = ", ".join(labels)
    if facts is not None:
        return build_seg(
            series,
            mask,
            labels,
            _provenance(facts),
            algorithm_type="SEMIAUTOMATIC",
            series_description=f"Edited: {names}",
        )
    nobody = SegProvenance("SDSeg annotation", __version__, "0" * 64, seed=0, steps=0, preset="none")
    seg = build_seg(series, mask, labels, nobody, algorithm_type="SEMIAUTOMATIC", series_description=f"Manual: {names}")
    return _by_hand(seg)


def _provenance(facts: Facts) -> SegProvenance:
    return SegProvenance(
        algorithm_name=f"SDSeg {facts['model_name']}",
        algorithm_version=__version__,
        weights_sha256=facts["weights_sha256"],
        seed=int(facts["seed"]),
        steps=1,
        preset=facts["preset"],
    )


def _by_hand(seg: Segmentation) -> Segmentation:
    """No algorithm took part: take out what says one did (PS3.3 C.8.20.4 wants it absent then)."""
    for segment in seg.SegmentSequence:
        segment.SegmentAlgorithmType = "MANUAL"
        del segment.SegmentAlgorithmName
        del segment.SegmentationAlgorithmIdentificationSequence
    del seg.ContributingEquipmentSequence
    seg.DeviceSerialNumber = "none"
    return seg
