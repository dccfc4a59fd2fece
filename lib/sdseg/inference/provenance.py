"""What a DICOM SEG says about how it was made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sdseg import __version__
from sdseg.dicom.provenance import SegProvenance
from sdseg.engines.engine import PLAIN
from sdseg.engines.speed import PLAIN_SPEED, Speed
from sdseg.inference.segmenter import Segmenter

FACTS = (
    "model_name",
    "title",
    "method",
    "preset",
    "weights_sha256",
    "seed",
    "steps",
    "samples",
    "engine",
    "decoder",
    "encoder",
    "unet",
)


def provenance_of(segmenter: Segmenter, seed: int) -> SegProvenance:
    """Algorithm, weights and parameters of a segmentation by `segmenter` with the noise of `seed`."""
    return provenance_from(facts_of(segmenter, seed))


def facts_of(segmenter: Segmenter, seed: int) -> dict[str, Any]:
    """The same as values that JSON can hold, under the names of `FACTS`."""
    traits = segmenter.traits
    return {
        "model_name": segmenter.card.name,
        "title": traits.title,
        "method": traits.method,
        "preset": segmenter.card.preset,
        "weights_sha256": segmenter.weights_sha256,
        "seed": seed,
        "steps": traits.steps,
        "samples": traits.samples,
        **asdict(segmenter.speed),
    }


def provenance_from(facts: Mapping[str, Any]) -> SegProvenance:
    """The provenance that `facts_of` tells; facts kept from before there were rivals are SDSeg's."""
    steps, samples, speed = facts.get("steps", 1), int(facts.get("samples", 1)), _speed_of(facts)
    return SegProvenance(
        algorithm_name=f"{facts.get('title', 'SDSeg')} {facts['model_name']}",
        algorithm_version=__version__,
        weights_sha256=facts["weights_sha256"],
        seed=None if steps is None else int(facts["seed"]),
        steps=steps,
        preset=facts["preset"],
        extra={**({"samples": str(samples)} if samples > 1 else {}), **speed.identity},
        method=facts.get("method", "one-step latent diffusion"),
        told=_told(speed),
    )


def _speed_of(facts: Mapping[str, Any]) -> Speed:
    usual = asdict(PLAIN_SPEED)
    return Speed(**{name: str(facts.get(name, value)) for name, value in usual.items()})


def _told(speed: Speed) -> dict[str, str]:
    """An exact engine: it changes nothing beyond rounding, and so no UID."""
    return {} if speed.engine == PLAIN or "engine" in speed.identity else {"engine": speed.engine}
