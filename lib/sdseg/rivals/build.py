"""From the name of a rival to an untrained pipeline."""

from __future__ import annotations

from typing import Any

from sdseg.errors import InputError
from sdseg.rivals.image_diffusion import ImageDiffusionPipeline, make_ddim_scheduler
from sdseg.rivals.network import DenoisingNetwork, RivalNetwork, complete_options, find_rival
from sdseg.rivals.pipeline import RivalPipeline

_SAMPLING = ("num_inference_steps", "samples")
_PREDICTIONS = ("sample", "epsilon")


def build_rival(
    kind: str, image_size: int, classes: int | None = None, preset: str = "standard", **options: Any
) -> RivalPipeline | ImageDiffusionPipeline:
    """A rival with random weights, drawn from torch's global generator.

    Args:
        kind: a name in `RIVALS`.
        image_size: rows = columns.
        classes: with the background; None for a binary model.
        preset: a size; every rival has "standard" and "tiny".
        options: in place of the preset's; `image_diffusion` also takes `num_inference_steps`, `samples` and
            `prediction_type`.

    Raises:
        UnknownNameError: there is no such rival or preset.
        InputError: the image size or an option does not suit it.
    """
    rival = find_rival(kind)
    if not rival.diffuses:
        return RivalPipeline(
            RivalNetwork(kind, image_size, classes, complete_options(rival, image_size, preset, **options))
        )
    prediction_type = options.pop("prediction_type", _PREDICTIONS[0])
    if prediction_type not in _PREDICTIONS:
        raise InputError(f"prediction_type must be one of {', '.join(_PREDICTIONS)}, not {prediction_type!r}.")
    sampling = check_sampling({name: options.pop(name) for name in _SAMPLING if name in options})
    network = DenoisingNetwork(kind, image_size, classes, complete_options(rival, image_size, preset, **options))
    return ImageDiffusionPipeline(network, make_ddim_scheduler(prediction_type), **sampling)


def check_sampling(values: dict[str, Any]) -> dict[str, int]:
    """The numbers of steps and samples as they are.

    Raises:
        InputError: one is no whole number, or out of range.
    """
    for name, value in values.items():
        if not isinstance(value, int) or not 1 <= value <= 1000:
            raise InputError(f"{name} must be a whole number from 1 to 1000, not {value!r}.")
    return values
