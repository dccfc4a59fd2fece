"""Stopping a training where it no longer helps, and taking the best weights there were."""

from __future__ import annotations

import time
from typing import Any

import torch

from sdseg.model.slice_model import SliceModel
from sdseg.training.budget import Budget
from sdseg.training.journal import Journal
from sdseg.training.learner import Learner
from sdseg.training.moments import Look
from sdseg.training.retrain_config import STAGE, RetrainConfig, Watch
from sdseg.training.slices import SliceStack
from sdseg.training.validate import mean_dice

_MOST_SLICES = 64
_FEWEST_SLICES = 4
_PART = 0.1  # of the time left, for the first validation
_MOMENT = 1e-3  # seconds: less is not measured
_TIMES = 4  # so many times as long as a validation is trained between two, where time is short


class EarlyStop(Look):
    """Validates the averaged weights now and then, and remembers the best.

    Args:
        learner: in training.
        model: what it trains.
        stack: slices of patients kept out of the training.
        config: how often, with how much patience.
        budget: of the whole.
        journal: told every Dice.
        watch: see `Watch`.
    """

    def __init__(
        self,
        learner: Learner,
        model: SliceModel,
        stack: SliceStack,
        config: RetrainConfig,
        budget: Budget,
        journal: Journal,
        watch: Watch,
    ) -> None:
        self._learner = learner
        self._model = model
        self._stack = stack
        self._config = config
        self._budget = budget
        self._journal = journal
        self._watch = watch
        self._slices = min(_MOST_SLICES, len(stack))
        self._last = 0  # step of the last validation
        self._rested = time.monotonic()
        self._took = 0.0
        self._failed = 0  # validations since the best
        self._best: dict[str, torch.Tensor] = {}
        self.before: float | None = None
        self.after: float | None = None
        self.has_stopped = False

    def begin(self) -> None:
        """Validate the weights that are started from; not where the training goes on from a checkpoint."""
        if self._budget.is_limited:
            start = time.monotonic()
            few = min(_FEWEST_SLICES, len(self._stack))
            mean_dice(self._model, self._stack.evenly(few))
            each = max(_MOMENT, time.monotonic() - start) / few
            affordable = int(_PART * self._budget.left() / each)
            self._slices = max(few, min(self._slices, affordable))
        self.before = self._validate(0)

    def is_due(self, step: int, steps: int) -> bool:
        if step >= steps:
            return True
        if self._budget.is_limited and time.monotonic() - self._rested < _TIMES * self._took:
            return False
        return step - self._last >= (self._config.validate_every or max(1, steps // 10))

    def look(self, step: int) -> bool:
        dice = self._validate(step)
        self._last = step
        if self.after is None or dice > self.after:
            self.after, self._failed = dice, 0
            self._best = {name: value.cpu().clone() for name, value in self._learner.trained_state().items()}
        else:
            self._failed += 1
        self.has_stopped = self._failed >= self._config.patience
        return self.has_stopped

    def take_best(self) -> None:
        """Give the learner the best weights there were."""
        if self._best:
            self._learner.load_state_dict({**self._learner.state_dict(), **self._best})

    def state(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        figures = {"before": self.before, "after": self.after, "last": self._last, "failed": self._failed}
        return dict(self._best), {**figures, "slices": self._slices}

    def restore(self, tensors: dict[str, torch.Tensor], numbers: dict[str, Any]) -> None:
        self._best = {name: value.cpu() for name, value in tensors.items()}
        self.before, self.after = numbers["before"], numbers["after"]
        self._last, self._failed, self._slices = numbers["last"], numbers["failed"], numbers["slices"]

    def _validate(self, step: int) -> float:
        chosen, start = self._stack.evenly(self._slices), time.monotonic()
        self._watch("validate", 0, len(chosen))
        dice = mean_dice(self._model, chosen, progress=lambda done, total: self._watch("validate", done, total))
        self._rested = time.monotonic()
        self._took = self._rested - start
        self._budget.keep("validation", self._took)
        self._journal.note(STAGE, step, {"validation_dice": round(dice, 5)})
        return dice
