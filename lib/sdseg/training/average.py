"""The moving average of a module's weights, decay min(most, (1 + n) / (10 + n)) as in the authors' code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from diffusers.training_utils import EMAModel


class Average:
    """Follows the weights of `module` that are trained; nothing at all where `module` is None.

    Args:
        module: whose weights are averaged.
        decay: the most that is kept of the average a step.
    """

    def __init__(self, module: torch.nn.Module | None, decay: float) -> None:
        self._parameters = [p for p in module.parameters() if p.requires_grad] if module is not None else []
        self._model = EMAModel(self._parameters, decay=decay, foreach=True) if self._parameters else None

    def step(self) -> None:
        """Follow the weights one step."""
        if self._model:
            self._model.step(self._parameters)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """The module holds its average inside the block, and its own weights again after it."""
        if not self._model:
            yield
            return
        self._model.store(self._parameters)
        self._model.copy_to(self._parameters)
        try:
            yield
        finally:
            self._model.restore(self._parameters)

    def finish(self) -> None:
        """The module keeps its average."""
        if self._model:
            self._model.copy_to(self._parameters)

    def state(self) -> dict[str, torch.Tensor]:
        """The averages, by the number of the parameter."""
        return {str(n): value for n, value in enumerate(self._model.shadow_params)} if self._model else {}

    @property
    def steps(self) -> int:
        """How many steps were followed."""
        return int(self._model.optimization_step) if self._model else 0

    def restore(self, state: dict[str, torch.Tensor], steps: int) -> None:
        """Take up what `state` and `steps` gave."""
        if self._model:
            for number, value in enumerate(self._model.shadow_params):
                value.copy_(state[str(number)])
            self._model.optimization_step = steps
