"""Training on from existing weights with an annotator's labels."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from diffusers import DiffusionPipeline

from sdseg.model.card import ModelCard
from sdseg.model.device import check_device
from sdseg.model.weights import load_weights, save_weights, weights_sha256
from sdseg.training.build import learner_of
from sdseg.training.data_config import ExampleConfig
from sdseg.training.engine import Engine
from sdseg.training.journal import Journal, Progress
from sdseg.training.processes import Processes
from sdseg.training.slices import SliceStack, load_slices
from sdseg.training.stage import DiffusionConfig
from sdseg.training.validate import validation_dice
from sdseg.volume.example import Example

FinetuneStage = Literal["prepare", "validate", "train", "publish"]
Watch = Callable[[FinetuneStage, int, int], None]
"""Called with (stage, done, total) between any two steps: slices of a validation, steps of the training. It may wait,
or raise to stop. A total of 0 is not counted: while images are loaded (prepare) and weights saved (publish)."""


@dataclass(frozen=True)
class FinetuneConfig:
    """How long and how strongly to train on.

    Attributes:
        max_epochs: passes over all labelled slices.
        max_steps: stop after so many batches even if epochs are left; None for no such limit.
        batch_size: slices a batch.
        learning_rate: of AdamW, falling along a half cosine.
        val_split: fraction of the examples kept out of training and scored before and after; 0 for none.
        seed: of everything random.
        device: torch device.
    """

    max_epochs: int = 10
    max_steps: int | None = None
    batch_size: int = 4
    learning_rate: float = 1e-4
    val_split: float = 0.0
    seed: int = 0
    device: str = "cpu"

    def __post_init__(self) -> None:
        if min(self.max_epochs, self.batch_size, self.max_steps or 1) < 1:
            raise ValueError("max_epochs, batch_size and max_steps must be at least 1")
        if not 0 <= self.val_split < 1:
            raise ValueError("val_split must be at least 0 and less than 1")

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
        val_dice: on the examples kept out, with the weights started from and with the new ones; empty for none.
    """

    weights: Path
    sha256: str
    steps: int
    losses: dict[str, float]
    val_dice: dict[str, float | None]


def finetune(
    weights: Path,
    examples: Sequence[Mapping[str, Any]],
    output: Path,
    config: FinetuneConfig,
    progress: Progress | None = None,
    watch: Watch = lambda stage, done, total: None,
) -> FinetuneResult:
    """Train U-Net and vision encoder of `weights` on labelled images; the autoencoder stays as it is.

    Args:
        weights: folder to start from; it is not changed.
        examples: `{"image": path, "label": path}`, masks on their images' grids.
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
    chosen, kept_out = split(examples, config.val_split)
    stack = load_slices(chosen, card.recipe, card.labels)
    validation = load_slices(kept_out, card.recipe, card.labels) if kept_out else None
    pipeline: Any = load_weights(weights, config.device)
    val_dice: dict[str, float | None] = {}
    losses: dict[str, float] = {}
    journal = _journal(output, config.steps_for(len(stack)), progress, losses)
    if validation:
        val_dice["before"] = _validate(pipeline, validation, watch, journal, 0)
    steps = _train(pipeline, stack, config, journal, watch)
    if validation:
        val_dice["after"] = _validate(pipeline, validation, watch, journal, steps)
    watch("publish", 0, 0)
    provenance = {**card.training, "parent_sha256": weights_sha256(weights), "finetuned_steps": steps}
    save_weights(pipeline, replace(card, training=provenance), output / "weights")
    return FinetuneResult(output / "weights", weights_sha256(output / "weights"), steps, losses, val_dice)


def split(examples: Sequence[Mapping[str, Any]], val_split: float) -> tuple[list[Example], list[Example]]:
    """Examples to train on and to keep out, whole images; at least one is trained on."""
    checked = [ExampleConfig.model_validate(dict(example)).example() for example in examples]
    count = min(math.ceil(len(checked) * val_split), len(checked) - 1)
    return checked[: len(checked) - count], checked[len(checked) - count :]


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


def _train(
    pipeline: DiffusionPipeline, stack: SliceStack, config: FinetuneConfig, journal: Journal, watch: Watch
) -> int:
    """Train in place; returns the number of steps."""
    steps = config.steps_for(len(stack))
    settings = DiffusionConfig(
        steps=steps,
        batch_size=config.batch_size,
        learning_rate=config.learning_rate,
        # Adam's first steps are as long as the rate whatever the gradient: trained weights need a gentle start.
        warmup_steps=max(1, steps // 20),
        schedule="cosine",
        timesteps=(950, 999),
        noise_weight=0.0,
        ema_decay=0.99,
        class_rate=1.0,  # the embedding has learnt already
    )
    engine = Engine(
        Processes(config.device), journal, seed=config.seed, between=lambda done, total: watch("train", done, total)
    )
    engine.train("finetune", learner_of(pipeline, settings), stack, settings)
    return steps
