"""How sure the model was about an image, remembered from the last inference that measured it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sdseg.inference.uncertainty import Uncertainty

_PREFIX = "uncertainty:"  # of keys in an image's info, followed by the name of the model


@dataclass(frozen=True)
class Measured:
    """One measurement of one image by one model.

    Attributes:
        value: see `sdseg.inference.overlap`; None where none of the noises found anything.
        noises: how many there were.
        weights_sha256: of the model then.
        measured: seconds since the epoch.
    """

    value: float | None
    noises: int
    weights_sha256: str
    measured: float


def uncertainty_info(model: str, facts: Mapping[str, Any], measured: Uncertainty | None) -> dict[str, Any]:
    """What an inference adds to the info of its image; {} when nothing was measured, or over one noise alone.

    Args:
        model: its name on this server.
        facts: what was told of the inference (`sdseg.inference.provenance.FACTS`).
        measured: by it.
    """
    if measured is None or len(measured.seeds) < 2:
        return {}
    return {
        f"{_PREFIX}{model}": {
            "value": measured.overall,
            "noises": len(measured.seeds),
            "weights_sha256": facts["weights_sha256"],
            "measured": time.time(),
        }
    }


def uncertainty_of(info: Mapping[str, Any], weights: Mapping[str, str]) -> dict[str, Measured]:
    """Model -> its measurement of an image, for the models whose weights are still the same.

    Args:
        info: of the image.
        weights: model -> SHA-256 of the weights it serves now.
    """
    kept = {model: info.get(f"{_PREFIX}{model}") for model in weights}
    found = {model: Measured(**values) for model, values in kept.items() if values}
    return {model: one for model, one in found.items() if one.weights_sha256 == weights[model]}
