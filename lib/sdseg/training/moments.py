"""What happens beside the steps of a training: looks at the averaged weights, checkpoints, pauses, its length."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch


class Look(ABC):
    """Something done with the averaged weights in place, in the main process."""

    @abstractmethod
    def is_due(self, step: int, steps: int) -> bool:
        """Whether now, `step` of `steps` being done."""

    @abstractmethod
    def look(self, step: int) -> bool:
        """Do it; True: the training has come far enough and shall end here."""

    def state(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        """What it has to remember when the training is interrupted: tensors, and whatever else JSON knows."""
        return {}, {}

    def restore(self, tensors: dict[str, torch.Tensor], numbers: dict[str, Any]) -> None:
        """Take up what `state` gave."""
        del tensors, numbers  # of a look that remembers nothing


@dataclass(frozen=True)
class Every(Look):
    """Something to be done every so many steps and at the end.

    Attributes:
        steps: between two.
        act: called with the number of steps done.
    """

    steps: int
    act: Callable[[int], None]

    def is_due(self, step: int, steps: int) -> bool:
        return step % self.steps == 0 or step >= steps

    def look(self, step: int) -> bool:
        self.act(step)
        return False


@dataclass(frozen=True)
class Moments:
    """What happens beside the steps.

    Attributes:
        checkpoint_every: steps between two checkpoints; 0: by the clock, see `Checkpoints.is_due`.
        looks: at the averaged weights.
        should_stop: asked after every step, in the main process.
        between: called with (steps done, steps) before every step, in the main process; may wait, or raise to stop.
        pace: called with (steps done, steps) after every step, in the main process; returns how many there shall be.
    """

    checkpoint_every: int = 500
    looks: tuple[Look, ...] = ()
    should_stop: Callable[[], bool] = field(default=lambda: False)
    between: Callable[[int, int], None] = field(default=lambda done, steps: None)
    pace: Callable[[int, int], int] = field(default=lambda done, steps: steps)
