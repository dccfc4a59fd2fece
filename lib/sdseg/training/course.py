"""One course of training on: a pipeline, slices, and what happens beside the steps."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sdseg.model.card import ModelCard
from sdseg.training.adapters import Adapter, LowRank
from sdseg.training.budget import Budget
from sdseg.training.build import learner_of
from sdseg.training.early_stop import EarlyStop
from sdseg.training.engine import Engine
from sdseg.training.journal import Journal
from sdseg.training.learner import Learner
from sdseg.training.objective import has_frozen_encoder, stage_for
from sdseg.training.processes import Processes
from sdseg.training.retrain_config import STAGE, RetrainConfig, Stopped, Watch
from sdseg.training.slices import SliceStack


def unwatched(stage: str, done: int, total: int) -> None:
    """Nobody looks."""


@dataclass(frozen=True)
class Ended:
    """How a course ended.

    Attributes:
        steps: done.
        stopped: by what.
        val_dice: see `RetrainResult`.
        adapter: of a course with adapters.
    """

    steps: int
    stopped: Stopped
    val_dice: dict[str, float | None] = field(default_factory=dict)
    adapter: Adapter | None = None


@dataclass(frozen=True)
class Course:
    """Trains a pipeline in place.

    Attributes:
        pipeline: on `config.device`.
        stack: slices in the pipeline's size, with their weights.
        config: duration and rate.
        budget: of the whole.
        journal: the log.
        watch: see `Watch`.
        steps: the most there may be; None: as `config` says for the slices of the stack.
        card: of the model, for its objective.
        kept_out: slices by which it is stopped early; None for no such stop.
        checkpoints: folder of its state; None to keep none.
        goes_on: there is such a state.
    """

    pipeline: Any
    stack: SliceStack
    config: RetrainConfig
    budget: Budget
    journal: Journal = field(default_factory=lambda: Journal(None))
    watch: Watch = unwatched
    steps: int | None = None
    card: ModelCard | None = None
    kept_out: SliceStack | None = None
    checkpoints: Path | None = None
    goes_on: bool = False

    def run(self) -> Ended:
        """Train to the end; the pipeline then holds the averaged weights, the best of those that were validated.

        Raises:
            InputError: adapters without peft, or of a rival.
            SdsegError: the loss is no number any more.
        """
        config = self.config
        settings = stage_for(self.card, config, self.steps or config.steps_for(len(self.stack)))
        learner = learner_of(self.pipeline, settings, has_frozen_encoder(self.card))
        low_rank = LowRank(self.pipeline, config.rank, config.seed) if config.adapters == "lora" else None
        early = self._early(learner)
        self.budget.begin()
        steps = self._engine().train(STAGE, learner, self.stack, settings, (early,) if early else ())
        if early:
            early.take_best()
        adapter = low_rank.merge() if low_rank else None
        dice = {"before": early.before, "after": early.after} if early else {}
        return Ended(steps, self._reason(early), dice, adapter)

    def _early(self, learner: Learner) -> EarlyStop | None:
        if self.kept_out is None or not len(self.kept_out):
            return None
        early = EarlyStop(learner, self.pipeline, self.kept_out, self.config, self.budget, self.journal, self.watch)
        if not self.goes_on:
            early.begin()
        return early

    def _engine(self) -> Engine:
        return Engine(
            Processes(self.config.device),
            self.journal,
            self.checkpoints,
            seed=self.config.seed,
            checkpoint_every=self.config.checkpoint_every,
            between=lambda done, steps: self.watch("train", done, steps),
            pace=self._pace,
        )

    def _pace(self, step: int, steps: int) -> int:
        most = self.steps or self.config.steps_for(len(self.stack))
        return self.budget.pace(step, most) if self.budget.is_limited else steps

    def _reason(self, early: EarlyStop | None) -> Stopped:
        if early and early.has_stopped:
            return "early"
        return "minutes" if self.budget.ended else "steps"
