"""What all stages of a run share: processes, log, checkpoints, precision - and the one way to train a learner."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sdseg.errors import InputError
from sdseg.training.augment import build_augmentation
from sdseg.training.batches import Batches, Share
from sdseg.training.checkpoint import Checkpoints
from sdseg.training.draws import seed_of
from sdseg.training.journal import Journal
from sdseg.training.learner import Learner
from sdseg.training.loop import TrainingLoop
from sdseg.training.moments import Look, Moments
from sdseg.training.processes import Processes
from sdseg.training.slices import SliceStack
from sdseg.training.stage import StageConfig


@dataclass(frozen=True)
class Engine:
    """Trains learners on stacks of slices.

    Attributes:
        processes: those that train together.
        journal: the log.
        checkpoints: folder of the unfinished stages' states; None to keep none.
        precision: "fp32", "tf32" or "bf16" (mixed).
        seed: of everything random.
        checkpoint_every: see `Moments`.
        workers: processes that load and augment; None: none on a CPU, some beside a GPU.
        should_stop: asked after every step.
        between, pace: see `Moments`.
    """

    processes: Processes
    journal: Journal
    checkpoints: Path | None = None
    precision: str = "fp32"
    seed: int = 0
    checkpoint_every: int = 500
    workers: int | None = None
    should_stop: Callable[[], bool] = field(default=lambda: False)
    between: Callable[[int, int], None] = field(default=lambda done, steps: None)
    pace: Callable[[int, int], int] = field(default=lambda done, steps: steps)

    def train(
        self, stage: str, learner: Learner, stack: SliceStack, config: StageConfig, looks: tuple[Look, ...] = ()
    ) -> int:
        """Train to the end, going on from a checkpoint where there is one; returns the number of steps.

        Raises:
            InputError: the batch cannot be divided among the processes.
            TrainingStopped: `should_stop` said so; the state is saved.
            SdsegError: the loss is no number any more.
        """
        kept = Checkpoints(self.checkpoints, stage) if self.checkpoints else None
        loop = TrainingLoop(
            stage,
            learner,
            self._batches(stage, stack, config),
            config,
            self.precision,
            self.processes,
            self.journal,
            kept,
            Moments(self.checkpoint_every, looks, self.should_stop, self.between, self.pace),
        )
        loop.run()
        return loop.steps

    def _batches(self, stage: str, stack: SliceStack, config: StageConfig) -> Batches:
        try:
            share = Share(config.batch_size, self.processes.count, self.processes.rank, config.accumulate)
        except ValueError as error:
            raise InputError(f"{stage}: {error}; choose another batch_size.") from error
        augmentation = build_augmentation(config.augmentation, stack.images.shape[-1])
        seed = seed_of(self.seed, int.from_bytes(stage.encode(), "big"))  # each stage has its own
        return Batches(stack, augmentation, share, seed, self.processes.device, self._worker_count())

    def _worker_count(self) -> int:
        if self.workers is not None:
            return self.workers
        return 0 if self.processes.device.type == "cpu" else min(14, max(1, (os.cpu_count() or 2) - 2))
