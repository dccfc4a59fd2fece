"""How sure the model was about an image, remembered from the last inference that measured it."""

import time
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from sdseg.inference.uncertainty import Uncertainty

_PREFIX = "uncertainty:"  # of keys in an image's info, followed by the name of the model


class Measured(BaseModel):
    """One measurement of one image by one model."""

    value: float | None = Field(
        ge=0, le=1, description="1 - mean Dice of the masks of several noises; null: none of them found anything."
    )
    noises: int = Field(ge=2, description="How many noises.")
    weights_sha256: str = Field(description="Of the model then.")
    measured: float = Field(description="When, in seconds since the epoch.")


def uncertainty_info(model: str, facts: Mapping[str, Any], measured: Uncertainty | None) -> dict[str, Any]:
    """What an inference adds to the info of its image; {} when nothing was measured, or over one noise alone.

    Args:
        model: its name on this server.
        facts: what was told of the inference (`sdseg.inference.provenance.FACTS`).
        measured: by it.
    """
    if measured is None or len(measured.seeds) < 2:
        return {}
    found = Measured(
        value=measured.overall,
        noises=len(measured.seeds),
        weights_sha256=facts["weights_sha256"],
        measured=time.time(),
    )
    return info_of(model, found)


def info_of(model: str, measured: Measured) -> dict[str, Any]:
    """What is added to the info of an image."""
    return {f"{_PREFIX}{model}": measured.model_dump()}


def uncertainty_of(info: Mapping[str, Any], weights: Mapping[str, str]) -> dict[str, Measured]:
    """Model -> its measurement of an image, for the models whose weights are still the same.

    Args:
        info: of the image; annotators may write into it, so what is no measurement is left out.
        weights: model -> SHA-256 of the weights it serves now.
    """
    found = {model: _read(info.get(f"{_PREFIX}{model}")) for model in weights}
    return {model: one for model, one in found.items() if one and one.weights_sha256 == weights[model]}


def _read(values: Any) -> Measured | None:
    try:
        return Measured.model_validate(values) if values else None
    except ValidationError:
        return None
