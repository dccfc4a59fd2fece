"""What a DICOM SEG says about how it was made."""

from __future__ import annotations

from sdseg import __version__
from sdseg.dicom.provenance import SegProvenance
from sdseg.inference.segmenter import Segmenter


def provenance_of(segmenter: Segmenter, seed: int) -> SegProvenance:
    """Algorithm, weights and parameters of a segmentation by `segmenter` with the noise of `seed`."""
    return single_step_provenance(segmenter.card.name, segmenter.card.preset, segmenter.weights_sha256, seed)


def single_step_provenance(model_name: str, preset: str, weights_sha256: str, seed: int) -> SegProvenance:
    """The same from what an inference told about itself."""
    return SegProvenance(
        algorithm_name=f"SDSeg {model_name}",
        algorithm_version=__version__,
        weights_sha256=weights_sha256,
        seed=seed,
        steps=1,
        preset=preset,
    )
