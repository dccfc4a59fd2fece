"""One training from the annotators' labels to weights that are served, or kept with the reason why not."""

import errno
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from sdseg.errors import InputError, SdsegError
from sdseg.jobs.turns import BackgroundTurn
from sdseg.registry.challenge import Challenge, Promote, Rules
from sdseg.registry.registry import ModelRegistry
from sdseg.training.material import Material
from sdseg.training.retrain import retrain
from sdseg.training.retrain_config import RetrainConfig, RetrainResult
from sdseg_app.config.learning import LearningSettings
from sdseg_app.jobs.train_stats import Stage, TrainStats
from sdseg_app.params.train_params import TrainParams
from sdseg_app.tasks.runs import Run

_FREE = frozenset({"prepare", "publish"})  # stages that do not need the device
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Training:
    """One training.

    Args:
        registry: of the model; what is served is what the training starts from.
        untrained: the weights to start from afresh.
        params: what was asked for.
        learning: settings of the server.
        by: name of the user who asked.
        run: where it is kept.
        stats: is told how it goes.
        turn: on the device; None to share it.
    """

    def __init__(
        self,
        registry: ModelRegistry,
        untrained: Path,
        params: TrainParams,
        learning: LearningSettings,
        by: str,
        run: Run,
        stats: TrainStats,
        turn: BackgroundTurn | None = None,
    ) -> None:
        self._registry = registry
        self._start = registry.healthy() if params.pretrained else untrained
        self._params = params
        self._learning = learning
        self._by = by
        self._run = run
        self._stats = stats
        self._turn = turn
        self._began = time.monotonic()

    def on(self, material: Material) -> dict[str, Any]:
        """Train, judge, keep, and promote where that may be; the final statistics. Raises SdsegError."""
        result = self._retrain(material)
        self._stats.note(challenger_sha256=result.sha256)
        challenge = Challenge(self._registry, material.validation, self._rules(), self._stats.note, self._at)
        outcome = challenge.settle(result.weights, self._facts(result, material))
        self._at("publish", 0, 0)
        self._run.end()
        judgement = outcome.judgement.to_dict() if outcome.judgement else None
        told = {
            "challenger_sha256": outcome.entry.sha256,
            "weights_sha256": outcome.entry.sha256,
            "judgement": judgement,
            "promoted": outcome.promoted,
            "steps": result.steps,
            "stopped": result.stopped,
            "best_metric": result.val_dice.get("after") or 0.0,
            "val_dice": result.val_dice,
            "train": result.losses,
        }
        return self._stats.finished(told, outcome.sentence)

    def _retrain(self, material: Material) -> RetrainResult:
        params = self._params
        return retrain(
            self._start,
            material,
            self._run.folder,
            RetrainConfig(
                max_epochs=params.max_epochs,
                max_steps=params.max_steps or None,
                batch_size=params.train_batch_size,
                learning_rate=params.learning_rate or None,
                val_split=params.val_split,
                minutes=params.minutes or None,
                patience=params.patience,
                adapters=params.adapters,
                resume=self._run.interrupted,
                replace=True,  # a run that was killed while it was judged, and is asked for with other parameters
                seed=params.seed,
                device=params.device,
            ),
            progress=lambda stage, step, steps, losses: self._stats.losses(losses),
            watch=self._at,
        )

    def _at(self, stage: str, done: int, total: int) -> None:
        """Between two steps: tell, and let an inference that waits have the device."""
        self._stats.reach(cast(Stage, stage), done, total)
        if self._turn is None:
            return
        if stage in _FREE:
            self._turn.let_go()
        elif seconds := self._turn.give_way(self._stats.paused):
            self._stats.resumed(seconds)

    def _rules(self) -> Rules:
        usual: Promote = "judged" if self._learning.promotion == "judged" else "never"
        margin = self._learning.promotion_margin
        return Rules(self._params.promote or usual, margin, self._params.device, self._params.seed, self._by)

    def _facts(self, result: RetrainResult, material: Material) -> dict[str, Any]:
        """What the registry keeps about the weights: numbers, and no names of patients."""
        return {
            "steps": result.steps,
            "stopped": result.stopped,
            "seconds": round(time.monotonic() - self._began, 1),
            "images": len(material.train),
            "patients": len({example.group for example in material.train}),
            "replayed": len(material.replay),
            "adapters": self._params.adapters,
            "by": self._by,
        }


@contextmanager
def telling(stats: TrainStats) -> Iterator[None]:
    """A failure that the user can mend is told in the statistics too, and a full disk is one."""
    try:
        yield
    except SdsegError as error:
        stats.failed(str(error))
        raise
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        sentence = "The disk of the server is full; free some space, and the training goes on from what was kept."
        stats.failed(sentence)
        raise InputError(sentence) from error
