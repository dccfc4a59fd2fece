"""Training on from existing weights with an annotator's labels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch

from sdseg.model.card import ModelCard
from sdseg.model.weights import load_weights, save_weights, weights_sha256
from sdseg.training.augment import BatchSampler, build_augmentation
from sdseg.training.config import AugmentationConfig, DiffusionConfig, ExampleConfig
from sdseg.training.diffusion import train_diffusion
from sdseg.training.journal import Journal, Progress
from sdseg.training.slices import load_slices


@dataclass(frozen=True)
class FinetuneConfig:
    """How long and how strongly to train on.

    Attributes:
        max_epochs: passes over all labelled slices.
        max_steps: stop after so many batches even if epochs are left; None for no such limit.
        batch_size: slices a batch.
        learning_rate: of AdamW, falling along a half cosine.
        seed: of everything random.
        device: torch device.
    """

    max_epochs: int = 10
    max_steps: int | None = None
    batch_size: int = 4
    learning_rate: float = 1e-4
    seed: int = 0
    device: str = "cpu"

    def __post_init__(self) -> None:
        if min(self.max_epochs, self.batch_size, self.max_steps or 1) < 1:
            raise ValueError("max_epochs, batch_size and max_steps must be at least 1")

    def steps_for(self, slices: int) -> int:
        """Batches to train for, given the number of labelled slices."""
        steps = self.max_epochs * math.ceil(slices / self.batch_size)
        return min(steps, self.max_steps) if self.max_steps else steps


@dataclass(frozen=True)
class FinetuneResult:
    """What came out: a weights folder, not yet published.

    Attributes:
        weights: the folder.
        sha256: its identity.
        steps: batches trained.
        losses: mean losses of the last steps.
    """

    weights: Path
    sha256: str
    steps: int
    losses: dict[str, float]


def finetune(
    weights: Path,
    examples: Sequence[ExampleConfig],
    output: Path,
    config: FinetuneConfig,
    progress: Progress | None = None,
) -> FinetuneResult:
    """Train U-Net and vision encoder of `weights` on labelled images; the autoencoder stays as it is.

    Args:
        weights: folder to start from; it is not changed.
        examples: images with masks on their grids, preprocessed by the recipe of `weights`.
        output: folder for `weights` and `log.jsonl`; must hold neither.
        config: duration and rate.
        progress: see `Journal`.

    Raises:
        WeightsError: the starting weights are unusable, or the result cannot be saved.
        InputError, LabelError: an example is unusable.
    """
    card = ModelCard.load(weights)
    stack = load_slices(examples, card.recipe, card.labels)
    pipeline = load_weights(weights, config.device)
    steps = config.steps_for(len(stack))
    settings = DiffusionConfig(
        steps=steps,
        batch_size=config.batch_size,
        learning_rate=config.learning_rate,
        schedule="cosine",
        timesteps=(950, 999),
        noise_weight=0.0,
        ema_decay=0.99,
    )
    losses: dict[str, float] = {}

    def remember(stage: str, step: int, of: int, means: dict[str, float]) -> None:
        losses.update(means)
        if progress:
            progress(stage, step, of, means)

    journal = Journal(output / "log.jsonl", remember, every=max(1, min(25, steps // 10)))
    augmentation = build_augmentation(AugmentationConfig(), card.recipe.image_size)
    sampler = BatchSampler(stack, config.batch_size, augmentation, config.seed)
    autocast = partial(torch.autocast, torch.device(config.device).type, torch.bfloat16, enabled=False)
    report = partial(_record, journal, steps)
    train_diffusion(pipeline, sampler, settings, autocast, config.seed + 1, report)
    provenance = {**card.training, "parent_sha256": weights_sha256(weights), "finetuned_steps": steps}
    save_weights(pipeline, replace(card, training=provenance), output / "weights")
    return FinetuneResult(output / "weights", weights_sha256(output / "weights"), steps, losses)


def _record(journal: Journal, steps: int, step: int, losses: dict[str, float]) -> None:
    journal.record("finetune", step, steps, losses)
