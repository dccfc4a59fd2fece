"""The training loop: one for every learner, alone or among processes, from the first step or from a checkpoint."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from itertools import islice

import torch

from sdseg.errors import SdsegError
from sdseg.training.average import Average
from sdseg.training.batches import Batches
from sdseg.training.checkpoint import Checkpoints, State
from sdseg.training.journal import Journal
from sdseg.training.learner import Batch, Learner
from sdseg.training.optimiser import Optimiser
from sdseg.training.processes import Processes
from sdseg.training.stage import StageConfig

_WARM = 10  # steps before the speed is measured, for a time budget
_TIMED = 40


class TrainingStopped(SdsegError):
    """The training was asked to stop, and did, its state saved."""


@dataclass(frozen=True)
class Every:
    """Something to be done every so many steps and at the end, with the averaged weights, in the main process.

    Attributes:
        steps: between two.
        act: called with the number of steps done.
    """

    steps: int
    act: Callable[[int], None]


@dataclass(frozen=True)
class Moments:
    """What happens beside the steps.

    Attributes:
        checkpoint_every: steps between two checkpoints.
        looks: at the averaged weights.
        should_stop: asked after every step, in the main process.
        between: called with (steps done, steps) before every step, in the main process; may wait, or raise to stop.
    """

    checkpoint_every: int = 500
    looks: tuple[Every, ...] = ()
    should_stop: Callable[[], bool] = field(default=lambda: False)
    between: Callable[[int, int], None] = field(default=lambda done, steps: None)


class TrainingLoop:
    """Trains one stage.

    Args:
        stage: its name.
        learner: on its device.
        batches: of this process' share.
        config: steps, rates.
        precision: "fp32", "tf32" or "bf16" (mixed).
        processes: those that train together.
        journal: the log; only the main process' is written.
        checkpoints: where the state is kept, or None.
        moments: what happens beside the steps.
    """

    def __init__(
        self,
        stage: str,
        learner: Learner,
        batches: Batches,
        config: StageConfig,
        precision: str,
        processes: Processes,
        journal: Journal,
        checkpoints: Checkpoints | None = None,
        moments: Moments | None = None,
    ) -> None:
        self._stage = stage
        self._learner = learner
        self._batches = batches
        self._config = config
        self._bf16 = precision == "bf16"
        self._processes = processes
        self._journal = journal
        self._checkpoints = checkpoints
        self._moments = moments or Moments()
        self._optimiser = Optimiser(learner, config, config.steps)
        self._average = Average(learner.averaged, config.ema_decay)
        self._wrapped = processes.wrap(learner)
        if processes.device.type == "cuda":
            torch.backends.cuda.matmul.allow_tf32 = precision != "fp32"
            torch.backends.cudnn.allow_tf32 = precision != "fp32"
            torch.backends.cudnn.deterministic = True  # the same seed, the same run; resumed or not

    @property
    def steps(self) -> int:
        """Of the whole stage; with a time budget it is known after the first ones."""
        return self._optimiser.steps

    def run(self) -> None:
        """Train to the end; the learner then holds its averaged weights.

        Raises:
            TrainingStopped: asked to; going on from the checkpoint gives what would have come.
            SdsegError: the loss is no number any more.
        """
        step = self._resume()
        batches = self._batches.start(step)
        began = time.monotonic()
        while step < self.steps:
            if self._processes.is_main:
                self._moments.between(step, self.steps)
            terms = self._one_step(step, islice(batches, self._config.accumulate))
            step += 1
            self._journal.record(self._stage, step, self._processes.mean(terms), self.steps)
            if step == _WARM:
                began = time.monotonic()
            if step == _WARM + _TIMED and self._config.minutes:
                self._keep_to_the_budget(step, time.monotonic() - began)
            self._beside(step)
        self._average.finish()
        self._learner.eval().requires_grad_(False)

    def _one_step(self, step: int, batches: Iterator[Batch]) -> dict[str, torch.Tensor]:
        """Forward and backward over the micro-batches, then one move of the weights; returns the mean terms."""
        count = self._config.accumulate
        sums: dict[str, torch.Tensor] = {}
        for micro, batch in enumerate(batches):
            last = micro == count - 1
            with nullcontext() if last else self._processes.no_sync(self._wrapped):
                with torch.autocast(self._processes.device.type, torch.bfloat16, enabled=self._bf16):
                    loss, terms = self._wrapped(batch)
                self._processes.backward(loss / count)
            told = {**terms, "loss": loss.detach()}
            sums = {name: sums.get(name, 0) + term / count for name, term in told.items()}
        self._optimiser.step(step)
        self._average.step()
        return sums

    def _keep_to_the_budget(self, step: int, seconds: float) -> None:
        """Set the number of steps that fit into the minutes, judged by the last ones."""
        left = (self._config.minutes or 0) * 60 - self._journal.stage_seconds(self._stage)
        steps = step + max(1, int(left * _TIMED / seconds))
        self._optimiser.steps = self._processes.agree(min(steps, self._config.steps))

    def _beside(self, step: int) -> None:
        moments, end = self._moments, step >= self.steps
        due = [look for look in moments.looks if step % look.steps == 0 or end]
        if due and self._processes.is_main:
            with self._average.in_place():
                for look in due:
                    look.act(step)
        stop = not end and self._processes.agree(moments.should_stop())
        if self._checkpoints and not end and (stop or step % moments.checkpoint_every == 0):
            self._save(step)
        if stop:
            raise TrainingStopped(f"Stopped after step {step} of {self.steps} of '{self._stage}'.")

    def _save(self, step: int) -> None:
        if self._processes.is_main and self._checkpoints:
            frozen = {name for name, p in self._learner.named_parameters() if not p.requires_grad}
            weights = {name: t for name, t in self._learner.state_dict().items() if name not in frozen}
            parts = {"weights": weights, "optimiser": self._optimiser.state(), "average": self._average.state()}
            numbers = {"journal": self._journal.state(), "averaged": self._average.steps}
            self._checkpoints.save(State(step, self.steps, parts, numbers))
        self._processes.wait()

    def _resume(self) -> int:
        """The step to go on from."""
        state = self._checkpoints.newest(self._processes.device) if self._checkpoints else None
        if state is None:
            self._journal.begin(self._stage)
            return 0
        self._learner.load_state_dict({**self._learner.state_dict(), **state.tensors["weights"]})
        self._optimiser.restore(state.tensors["optimiser"])
        self._optimiser.steps = state.steps
        self._average.restore(state.tensors.get("average", {}), state.numbers["averaged"])
        self._journal.restore(self._stage, state.step, state.numbers["journal"])
        return state.step
