"""What a DICOM SEG says about how it was made."""

from __future__ import annotations

from sdseg import __version__
from sdseg.dicom.provenance import SegProvenance
from sdseg.inference.segmenter import Segmenter


def provenance_of(segmenter: Segmenter, seed: int) -> SegProvenance:
    """Algorithm, weights and parameters of a segmentation by `segmenter` with the noise of `seed`."""
    return SegProvenance(
        algorithm_name=f"SDSeg {segmenter.card.name}",
        algorithm_version=__version__,
        weights_sha256=segmenter.weights_sha256,
        seed=seed,
        steps=1,
        preset=segmenter.card.preset,
    )
