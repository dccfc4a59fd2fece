"""What a request may ask of a training, checked once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sdseg.errors import InputError
from sdseg_app.names import check_name
from sdseg_app.params.infer_params import InferParams, as_bool

_DIGITS = 9


@dataclass(frozen=True)
class TrainParams:
    """Parameters of one training.

    Attributes:
        name: of the folder that keeps the run.
        pretrained: start from the weights now served, not from the ones shipped or given.
        max_epochs: passes over the training slices, at most.
        max_steps: optimiser steps, at most; 0 leaves it to the epochs.
        train_batch_size: slices a step.
        val_split: part of the labelled images kept for validation, 0 to below 1.
        device: torch device.
        seed: of everything random.
    """

    name: str = "train_01"
    pretrained: bool = True
    max_epochs: int = 50
    max_steps: int = 0
    train_batch_size: int = 4
    val_split: float = 0.2
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
            device=common.device,
            seed=common.seed,
        )


def _whole(values: Mapping[str, Any], key: str, default: int, least: int) -> int:
    text = str(values.get(key, default)).strip() or str(default)
    if not text.isdecimal() or len(text) > _DIGITS or int(text) < least:
        raise InputError(f"{key} must be a whole number from {least} to {10**_DIGITS - 1}, not {text[:40]!r}.")
    return int(text)


def _part(value: Any) -> float:
    try:
        part = float(value or 0)
    except (TypeError, ValueError, OverflowError):
        part = -1.0
    if not 0 <= part < 1:
        raise InputError(f"val_split must be a number from 0 to below 1, not {str(value)[:40]!r}.")
    return part
