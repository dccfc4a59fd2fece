"""What a request may ask of a training, checked once."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from sdseg.errors import InputError
from sdseg.registry.challenge import Promote
from sdseg_app.names import check_name
from sdseg_app.params.infer_params import InferParams, as_bool

Adapters = Literal["none", "lora"]
PROMOTE: tuple[Promote, ...] = ("judged", "never", "always")
ADAPTERS: tuple[Adapters, ...] = ("none", "lora")
Word = TypeVar("Word", bound=str)
_DIGITS = 9
_MOST_MINUTES = 7 * 24 * 60.0


@dataclass(frozen=True)
class TrainParams:
    """Parameters of one training.

    Attributes:
        name: of the folder that keeps the run.
        pretrained: start from the weights now served, not from the ones shipped or given.
        max_epochs: passes over the training slices, at most.
        max_steps: optimiser steps, at most; 0 leaves it to the epochs.
        train_batch_size: slices a step.
        val_split: part of the training patients kept aside to stop in time, 0 to below 1; those who judge are others.
        minutes: use at most so many; 0 for no limit.
        learning_rate: of the optimiser; 0 for the usual one.
        patience: stop after so many validations without a better one, at least 1.
        promote: what becomes of the new weights: served where they are judged not worse, never, or always (unjudged).
            None leaves it to the server's setting `promotion`.
        adapters: train all weights (none), or low-rank adapters beside them.
        resume: go on with a training of the same name and the same parameters that was interrupted.
        device: torch device.
        seed: of everything random.
    """

    name: str = "train_01"
    pretrained: bool = True
    max_epochs: int = 50
    max_steps: int = 0
    train_batch_size: int = 4
    val_split: float = 0.2
    minutes: float = 20.0
    learning_rate: float = 0.0
    patience: int = 4
    promote: Promote | None = None
    adapters: Adapters = "none"
    resume: bool = True
    device: str = "cpu"
    seed: int = 0

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> "TrainParams":
        """From a request; other keys are ignored. Raises InputError naming the wrong one."""
        common = InferParams.parse({"device": values.get("device"), "seed": values.get("seed", 0)})
        return cls(
            name=check_name("name of a training", str(values.get("name") or cls.name)),
            pretrained=as_bool("pretrained", values.get("pretrained", cls.pretrained)),
            max_epochs=_whole(values, "max_epochs", cls.max_epochs, least=1),
            max_steps=_whole(values, "max_steps", cls.max_steps, least=0),
            train_batch_size=_whole(values, "train_batch_size", cls.train_batch_size, least=1),
            val_split=_part(values.get("val_split", cls.val_split)),
            minutes=_up_to(values, "minutes", _MOST_MINUTES, cls.minutes),
            learning_rate=_up_to(values, "learning_rate", 1.0, cls.learning_rate),
            patience=_whole(values, "patience", cls.patience, least=1),
            promote=_one_of(values, "promote", PROMOTE),
            adapters=_one_of(values, "adapters", ADAPTERS) or cls.adapters,
            resume=as_bool("resume", values.get("resume", cls.resume)),
            device=common.device,
            seed=common.seed,
        )


def _one_of(values: Mapping[str, Any], key: str, words: tuple[Word, ...]) -> Word | None:
    """None where nothing is said. Of a list, as /info/ offers it, the first counts."""
    value = values.get(key)
    text = str(value[0] if isinstance(value, list | tuple) and value else value or "").strip().lower()
    if not text:
        return None
    for word in words:
        if text == word:
            return word
    raise InputError(f"{key} must be {', '.join(words[:-1])} or {words[-1]}, not {text[:40]!r}.")


def _whole(values: Mapping[str, Any], key: str, default: int, least: int) -> int:
    text = str(values.get(key, default)).strip() or str(default)
    if not text.isdecimal() or len(text) > _DIGITS or int(text) < least:
        raise InputError(f"{key} must be a whole number from {least} to {10**_DIGITS - 1}, not {text[:40]!r}.")
    return int(text)


def _part(value: Any) -> float:
    part = _number(value)
    if not 0 <= part < 1:
        raise InputError(f"val_split must be a number from 0 to below 1, not {str(value)[:40]!r}.")
    return part


def _up_to(values: Mapping[str, Any], key: str, most: float, default: float) -> float:
    number = _number(values.get(key, default))
    if not 0 <= number <= most:
        raise InputError(f"{key} must be a number from 0 to {most:.0f}, not {str(values.get(key))[:40]!r}.")
    return number


def _number(value: Any) -> float:
    """Not a number where it is none."""
    try:
        return float(value or 0)
    except (TypeError, ValueError, OverflowError):
        return math.nan
