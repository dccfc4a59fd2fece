"""The training loop: one for every learner, alone or among processes, from the first step or from a checkpoint."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from itertools import islice

import torch

from sdseg.errors import SdsegError
from sdseg.training.average import Average
from sdseg.training.batches import Batches
from sdseg.training.checkpoint import Checkpoints, State
from sdseg.training.journal import Journal
from sdseg.training.learner import Batch, Learner
from sdseg.training.moments import Moments
from sdseg.training.optimiser import Optimiser
from sdseg.training.processes import Processes
from sdseg.training.stage import StageConfig

_WARM = 10  # steps before the speed is measured, for a time budget
_TIMED = 40


class TrainingStopped(SdsegError):
    """The training was asked to stop, and did, its state saved."""


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
            with self._kept_if_interrupted(step, looked=True):
                if self._processes.is_main:
                    self._moments.between(step, self.steps)
            terms = self._one_step(step, islice(batches, self._config.accumulate))
            step += 1
            self._optimiser.steps = self._processes.agree(self._moments.pace(step, self.steps))
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
        moments = self._moments
        self._look(step)
        end = step >= self.steps
        stop = not end and self._processes.agree(moments.should_stop())
        if not end and (stop or self._is_checkpoint_due(step)):
            self._save(step)
        if stop:
            raise TrainingStopped(f"Stopped after step {step} of {self.steps} of '{self._stage}'.")

    def _look(self, step: int) -> None:
        enough = False
        due = [look for look in self._moments.looks if look.is_due(step, self.steps)]
        if due and self._processes.is_main:
            with self._kept_if_interrupted(step, looked=False), self._average.in_place():
                answers = [look.look(step) for look in due]  # all of them look
                enough = any(answers)
        if self._processes.agree(enough):
            self._optimiser.steps = step

    def _is_checkpoint_due(self, step: int) -> bool:
        every = self._moments.checkpoint_every
        if every:
            return step % every == 0
        return bool(self._processes.agree(self._checkpoints is not None and self._checkpoints.is_due()))

    @contextmanager
    def _kept_if_interrupted(self, step: int, looked: bool) -> Iterator[None]:
        """Whoever stops the training here finds its state saved."""
        try:
            yield
        except BaseException:
            if step and self._processes.count == 1:  # alone: the others would not come to save theirs
                self._save(step, looked)
            raise

    def _save(self, step: int, looked: bool = True) -> None:
        if self._processes.is_main and self._checkpoints:
            parts = {
                "weights": self._learner.trained_state(),
                "optimiser": self._optimiser.state(),
                "average": self._average.state(),
            }
            memories = [look.state() for look in self._moments.looks]
            parts |= {f"look {place}": tensors for place, (tensors, _) in enumerate(memories)}
            numbers = {
                "journal": self._journal.state(),
                "averaged": self._average.steps,
                "looks": [own for _, own in memories],
                "looked": looked,
            }
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
        for place, (look, own) in enumerate(zip(self._moments.looks, state.numbers.get("looks", ()), strict=False)):
            look.restore(state.tensors.get(f"look {place}", {}), own)
        if not state.numbers.get("looked", True):
            self._look(state.step)
        return state.step
