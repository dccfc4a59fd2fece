"""Training on from the weights that are served, on what annotators corrected."""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from diffusers import DiffusionPipeline

from sdseg.model.card import ModelCard
from sdseg.model.device import check_device
from sdseg.model.weights import load_weights, save_weights, weights_sha256
from sdseg.training.adapters import check_adapters
from sdseg.training.budget import Budget
from sdseg.training.course import Course, Ended, unwatched
from sdseg.training.division import Division, divide
from sdseg.training.journal import Journal, Progress
from sdseg.training.loader import Loader
from sdseg.training.material import Material
from sdseg.training.retrain_config import STAGE, RetrainConfig, RetrainResult, Watch
from sdseg.training.retrain_folder import RetrainFolder
from sdseg.training.slices import SliceStack

__all__ = ["RetrainConfig", "RetrainResult", "Watch", "retrain", "train_on"]

# May differ when a training is resumed: they do not change what it computes, or only how long it may.
_FREE = {"minutes", "resume", "checkpoint_every", "device", "replace"}
_LINES = 25  # steps a line of the log, at most
_LINES_IN_A_HURRY = 5  # where the time may allow but few


def train_on(
    pipeline: DiffusionPipeline,
    stack: SliceStack,
    config: RetrainConfig,
    journal: Journal | None = None,
    watch: Watch = unwatched,
) -> int:
    """Train a pipeline in place on a stack of slices; returns the number of steps.

    Args:
        pipeline: on `config.device`.
        stack: slices in the pipeline's size, with their weights.
        config: duration and rate.
        journal: the log; None for none.
        watch: see `Watch`.

    Raises:
        SdsegError: the loss is no number any more.
    """
    return Course(pipeline, stack, config, Budget(config.minutes), journal or Journal(None), watch).run().steps


def retrain(
    weights: Path,
    material: Material,
    output: Path,
    config: RetrainConfig,
    progress: Progress | None = None,
    watch: Watch = unwatched,
) -> RetrainResult:
    """Train U-Net and vision encoder of `weights`, or adapters beside them; the autoencoder stays as it is.

    Examples that the weights were not trained on yet get all draws but `replay_share`; a corrected slice is drawn
    `corrected_weight` times as often as another, an example by its weight.

    Args:
        weights: folder to start from; it is not changed.
        material: what to learn from; `material.validation` is not looked at.
        output: see `RetrainFolder`; holds no result yet, unless it is this one and to be resumed.
        config: duration and rate.
        progress: see `Journal`.
        watch: see `Watch`.

    Raises:
        WeightsError: the starting weights are unusable, or the result cannot be saved.
        InputError, LabelError: an example is unusable, or `output` is taken.
        SdsegError: the loss is no number any more.
    """
    budget = Budget(config.minutes)
    check_device(config.device)
    if config.adapters != "none":
        check_adapters()
    folder = RetrainFolder(output)
    with folder.held():
        folder.check_free(config.resume)
        return _Retraining(weights, folder, config, progress, watch).run(material, budget)


class _Retraining:
    """One call of `retrain`."""

    def __init__(
        self, weights: Path, folder: RetrainFolder, config: RetrainConfig, progress: Progress | None, watch: Watch
    ) -> None:
        self._weights = weights
        self._folder = folder
        self._config = config
        self._progress = progress
        self._watch = watch
        self._card = ModelCard.load(weights)
        self._known: list[str] = [str(key) for key in self._card.training.get("learnt") or ()]
        self._losses: dict[str, float] = {}

    def run(self, material: Material, budget: Budget) -> RetrainResult:
        self._watch("prepare", 0, 0)
        start = time.monotonic()
        parent = weights_sha256(self._weights)
        pipeline: Any = load_weights(self._weights, self._config.device)
        # Saving reads and writes about as much: nothing else is known of this disk.
        budget.keep("saving", 2 * (time.monotonic() - start))
        config, total = self._config, len(material.train) + len(material.replay)
        division = divide(
            material, self._known, config.val_split, config.seed, lambda done, of: self._watch("prepare", 0, total)
        )
        spent = self._folder.claim(self._identity(parent, division), STAGE, config.resume, config.replace)
        if not self._folder.weights.exists():
            budget.spend(spent or 0.0)
            loader = Loader(self._card, division, config, budget, self._watch)
            ended = self._train(pipeline, loader, budget, goes_on=spent is not None)
            self._save(pipeline, parent, loader, ended)
        return _result(self._folder)

    def _identity(self, parent: str, division: Division) -> dict[str, Any]:
        config = {name: value for name, value in asdict(self._config).items() if name not in _FREE}
        weights = [example.weight for example in (*division.new, *division.old)]
        return {"parent_sha256": parent, "config": config, "examples": list(division.learnt), "weights": weights}

    def _train(self, pipeline: Any, loader: Loader, budget: Budget, goes_on: bool) -> Ended:
        stack, kept_out, steps = loader.stack(), loader.kept_out(), loader.steps()
        journal = self._journal(steps)
        if loader.left_out:
            journal.note("prepare", 0, {"examples_left_out": loader.left_out})
        course = Course(
            pipeline,
            stack,
            self._config,
            budget,
            journal,
            self._watch,
            steps,
            self._card,
            kept_out,
            self._folder.checkpoints,
            goes_on,
        )
        return course.run()

    def _journal(self, steps: int) -> Journal:
        """The log of the training; the last means of the losses are remembered too."""

        def remember(stage: str, step: int, of: int, means: dict[str, float]) -> None:
            self._losses.update(means)
            if self._progress:
                self._progress(stage, step, of, means)

        most = _LINES_IN_A_HURRY if self._config.minutes else _LINES
        return Journal(self._folder.log, remember, every=max(1, min(most, steps // 10)))

    def _save(self, pipeline: Any, parent: str, loader: Loader, ended: Ended) -> None:
        """The adapter first: where the weights are, the training is done."""
        self._watch("publish", 0, 0)
        card = self._new_card(parent, loader, ended)
        if ended.adapter:
            ended.adapter.save(self._folder.adapter, parent, card.to_dict())
        save_weights(pipeline, card, self._folder.weights)
        self._folder.clean()

    def _new_card(self, parent: str, loader: Loader, ended: Ended) -> ModelCard:
        """Without times and paths: the same training gives the same identity, interrupted or not."""
        config = {name: value for name, value in asdict(self._config).items() if name not in _FREE}
        learnt = list(dict.fromkeys([*self._known, *(key[:16] for key in loader.learnt)]))
        told = {
            "config": config,
            "examples": loader.counts,
            "steps": ended.steps,
            "stopped": ended.stopped,
            "losses": self._losses,
            "val_dice": ended.val_dice,
        }
        facts = {"parent_sha256": parent, "finetuned_steps": ended.steps, "retrained": told, "learnt": learnt}
        return replace(self._card, training={**self._card.training, **facts})


def _result(folder: RetrainFolder) -> RetrainResult:
    """As the card of the finished training tells it."""
    told = ModelCard.load(folder.weights).training["retrained"]
    sha256 = weights_sha256(folder.weights)
    return RetrainResult(folder.weights, sha256, told["steps"], told["losses"], told["val_dice"], told["stopped"])
