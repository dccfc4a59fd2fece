"""How many steps the reverse process of a model takes, and a model with another number of them."""

from __future__ import annotations

import inspect

import torch

from sdseg.errors import InputError
from sdseg.model.parts import Parts
from sdseg.model.slice_model import SliceModel


class Stepped:
    """A SliceModel with a fixed number of reverse steps."""

    def __init__(self, model: SliceModel, steps: int) -> None:
        if steps < 1:
            raise InputError(f"A reverse process needs at least one step, not {steps}.")
        self.model = model
        self.steps = steps

    @property
    def image_size(self) -> int:
        return self.model.image_size

    @property
    def classes(self) -> int | None:
        return self.model.classes

    @property
    def device(self) -> torch.device:
        return self.model.device

    @property
    def components(self) -> dict[str, torch.nn.Module]:
        return self.model.components

    @property
    def parts(self) -> Parts | None:
        return None

    def __call__(self, image: torch.Tensor, seed: int = 0) -> torch.Tensor:
        return self.model(image, seed=seed, num_inference_steps=self.steps)  # type: ignore[call-arg]


def own_steps(model: SliceModel) -> int | None:
    """The number of reverse steps a model takes unless told otherwise; None where it has no reverse process."""
    parameter = inspect.signature(type(model).__call__).parameters.get("num_inference_steps")
    if parameter is None:
        return None
    config = getattr(model, "config", {})
    return int(config["num_inference_steps"] if parameter.default is None else parameter.default)
