"""How a model is trained on, and what comes out."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sdseg.errors import InputError

STAGE = "retrain"  # in the log, and of the checkpoints

RetrainStage = Literal["prepare", "validate", "train", "publish"]
Stopped = Literal["steps", "early", "minutes"]
Watch = Callable[[RetrainStage, int, int], None]
"""Called with (stage, done, total) between any two steps: examples loaded, slices of a validation, steps of the
training. It may wait, or raise to stop: the state is then saved. A total of 0 is not counted, as while weights are
saved (publish)."""

_RATE = {"none": 1e-4, "lora": 1e-3}


@dataclass(frozen=True)
class RetrainConfig:
    """How long and how strongly to train on.

    Attributes:
        max_epochs: passes over the newly labelled slices; replayed ones come in between.
        max_steps: stop after so many batches even if epochs are left; None for no such limit.
        batch_size: slices a batch.
        learning_rate: of AdamW, falling along a half cosine; None: 1e-4, of adapters 1e-3.
        val_split: part of the patients in `Material.train` by whose slices the training is stopped early; 0 for none.
        minutes: the whole of it, preparation, validation and saving included, ends within so many; None: no limit.
        patience: validations without a better Dice after which it stops.
        validate_every: steps between two validations; 0: ten in a training.
        replay_share: part of the draws that older examples get, where there are any.
        corrected_weight: how many times as often a slice that an annotator corrected is drawn as another.
        ema_decay: the most the moving average of the weights keeps a step.
        adapters: "lora" freezes the model and trains low-rank adapters beside it (needs peft).
        rank: of the adapters.
        resume: go on from the state in the output folder if it is of the same weights, settings and examples.
        replace: with `resume`, the result of another training in the output folder is removed; else it is an error.
        checkpoint_every: steps between two states; 0: by the clock, twice a minute where saving is quick.
        seed: of everything random.
        device: torch device.

    Raises:
        InputError: a value that cannot be.
    """

    max_epochs: int = 10
    max_steps: int | None = None
    batch_size: int = 4
    learning_rate: float | None = None
    val_split: float = 0.0
    minutes: float | None = None
    patience: int = 4
    validate_every: int = 0
    replay_share: float = 0.3
    corrected_weight: float = 3.0
    ema_decay: float = 0.99
    adapters: Literal["none", "lora"] = "none"
    rank: int = 8
    resume: bool = False
    replace: bool = False
    checkpoint_every: int = 0
    seed: int = 0
    device: str = "cpu"

    def __post_init__(self) -> None:
        for name in ("max_epochs", "max_steps", "batch_size", "patience", "rank"):
            self._refuse(name, getattr(self, name) is not None and getattr(self, name) < 1, "at least 1")
        for name in ("validate_every", "checkpoint_every"):
            self._refuse(name, getattr(self, name) < 0, "at least 0")
        for name in ("val_split", "replay_share", "ema_decay"):
            self._refuse(name, not 0 <= getattr(self, name) < 1, "at least 0 and less than 1")
        for name in ("learning_rate", "minutes", "corrected_weight"):
            value = getattr(self, name)
            self._refuse(name, value is not None and not (0 < value < math.inf), "a number above 0")
        self._refuse("adapters", self.adapters not in _RATE, f"one of {', '.join(_RATE)}")

    def _refuse(self, name: str, wrong: bool, wanted: str) -> None:
        if wrong:
            raise InputError(f"{name} must be {wanted}, not {getattr(self, name)}.")

    @property
    def rate(self) -> float:
        """The learning rate, given or usual."""
        return _RATE[self.adapters] if self.learning_rate is None else self.learning_rate

    def steps_for(self, draws: float) -> int:
        """Batches to train for, where an epoch draws so many slices."""
        steps = self.max_epochs * math.ceil(draws / self.batch_size)
        return min(steps, self.max_steps) if self.max_steps else steps


@dataclass(frozen=True)
class RetrainResult:
    """What came out: a weights folder, not yet published.

    Attributes:
        weights: the folder.
        sha256: its identity.
        steps: batches trained.
        losses: mean losses of the last steps.
        val_dice: by the slices that stop early, "before" and "after"; empty where there are none.
        stopped: what ended it: all steps done, no better Dice any more, or the time.
    """

    weights: Path
    sha256: str
    steps: int
    losses: dict[str, float]
    val_dice: dict[str, float | None]
    stopped: Stopped
