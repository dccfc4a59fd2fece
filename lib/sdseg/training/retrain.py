"""Training on from the weights that are served, on what annotators corrected."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

from diffusers import DiffusionPipeline

from sdseg.model.card import ModelCard
from sdseg.model.device import check_device
from sdseg.model.weights import load_weights, save_weights, weights_sha256
from sdseg.training.build import learner_of
from sdseg.training.engine import Engine
from sdseg.training.journal import Journal, Progress
from sdseg.training.material import Material
from sdseg.training.processes import Processes
from sdseg.training.retrain_config import RetrainConfig, RetrainResult, Watch
from sdseg.training.slices import SliceStack, load_slices
from sdseg.training.stage import DiffusionConfig
from sdseg.training.validate import validation_dice
from sdseg.volume.example import Example

STAGE = "retrain"


def _unwatched(stage: str, done: int, total: int) -> None:
    """Nobody looks."""


def retrain(
    weights: Path,
    material: Material,
    output: Path,
    config: RetrainConfig,
    progress: Progress | None = None,
    watch: Watch = _unwatched,
) -> RetrainResult:
    """Train U-Net and vision encoder of `weights` on labelled images; the autoencoder stays as it is.

    Args:
        weights: folder to start from; it is not changed.
        material: what to learn from; `material.validation` is not looked at.
        output: folder for `weights` and `log.jsonl`; must hold neither.
        config: duration and rate.
        progress: see `Journal`.
        watch: see `Watch`.

    Raises:
        WeightsError: the starting weights are unusable, or the result cannot be saved.
        InputError, LabelError: an example is unusable.
    """
    check_device(config.device)
    card = ModelCard.load(weights)
    watch("prepare", 0, 0)
    chosen, kept_out = _split([*material.train, *material.replay], config.val_split)
    stack = load_slices(chosen, card.recipe, card.labels, corrected_weight=config.corrected_weight)
    validation = load_slices(kept_out, card.recipe, card.labels) if kept_out else None
    pipeline: Any = load_weights(weights, config.device)
    val_dice: dict[str, float | None] = {}
    losses: dict[str, float] = {}
    journal = _journal(output, config.steps_for(len(stack)), progress, losses)
    if validation:
        val_dice["before"] = _validate(pipeline, validation, watch, journal, 0)
    steps = train_on(pipeline, stack, config, journal, watch)
    if validation:
        val_dice["after"] = _validate(pipeline, validation, watch, journal, steps)
    watch("publish", 0, 0)
    provenance = {**card.training, "parent_sha256": weights_sha256(weights), "finetuned_steps": steps}
    save_weights(pipeline, replace(card, training=provenance), output / "weights")
    return RetrainResult(output / "weights", weights_sha256(output / "weights"), steps, losses, val_dice, "steps")


def _split(examples: list[Example], val_split: float) -> tuple[list[Example], list[Example]]:
    """Examples to train on and to keep out, whole images; at least one is trained on."""
    count = min(math.ceil(len(examples) * val_split), len(examples) - 1)
    return examples[: len(examples) - count], examples[len(examples) - count :]


def _journal(output: Path, steps: int, progress: Progress | None, losses: dict[str, float]) -> Journal:
    """The log of the run; the last means of the losses are noted in `losses` too."""

    def remember(stage: str, step: int, of: int, means: dict[str, float]) -> None:
        losses.update(means)
        if progress:
            progress(stage, step, of, means)

    return Journal(output / "log.jsonl", remember, every=max(1, min(25, steps // 10)))


def _validate(pipeline: Any, stack: SliceStack, watch: Watch, journal: Journal, step: int) -> float | None:
    watch("validate", 0, len(stack))
    dice = validation_dice(pipeline, stack, progress=lambda done, total: watch("validate", done, total))
    journal.note("validate", step, {"validation_dice": dice})
    return dice


def train_on(
    pipeline: DiffusionPipeline,
    stack: SliceStack,
    config: RetrainConfig,
    journal: Journal | None = None,
    watch: Watch = _unwatched,
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
    steps = config.steps_for(len(stack))
    settings = DiffusionConfig(
        steps=steps,
        batch_size=config.batch_size,
        learning_rate=config.rate,
        # Adam's first steps are as long as the rate whatever the gradient: trained weights need a gentle start.
        warmup_steps=max(1, steps // 20),
        schedule="cosine",
        timesteps=(950, 999),
        noise_weight=0.0,
        ema_decay=config.ema_decay,
        class_rate=1.0,  # the embedding has learnt already
    )
    engine = Engine(
        Processes(config.device),
        journal or Journal(None),
        seed=config.seed,
        between=lambda done, total: watch("train", done, total),
    )
    return engine.train(STAGE, learner_of(pipeline, settings), stack, settings)
