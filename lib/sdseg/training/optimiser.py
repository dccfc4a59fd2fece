"""AdamW, its learning-rate schedule and one guarded step, for both training stages."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch

from sdseg.errors import SdsegError
from sdseg.training.config import StageConfig


class Optimiser:
    """AdamW with warm-up, clipping and a check that the loss is a number.

    Args:
        parameters: to train.
        config: steps, rates and clipping.
    """

    def __init__(self, parameters: Iterable[torch.nn.Parameter], config: StageConfig) -> None:
        self._parameters = list(parameters)
        self._config = config
        self.adamw = torch.optim.AdamW(self._parameters, lr=config.learning_rate, weight_decay=config.weight_decay)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.adamw, self._factor)

    def _factor(self, step: int) -> float:
        warm = min(1.0, (step + 1) / self._config.warmup_steps) if self._config.warmup_steps else 1.0
        if self._config.schedule == "constant":
            return warm
        return warm * 0.5 * (1 + math.cos(math.pi * min(1.0, step / self._config.steps)))

    def step(self, loss: torch.Tensor) -> None:
        """Back-propagate `loss`, clip, update, and move the learning rate on.

        Raises:
            SdsegError: the loss is not finite.
        """
        if not torch.isfinite(loss):
            raise SdsegError(f"The training loss became {loss.item()}: lower the learning rate or train in fp32.")
        self.adamw.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._parameters, self._config.clip_norm)
        self.adamw.step()
        self.schedule.step()
