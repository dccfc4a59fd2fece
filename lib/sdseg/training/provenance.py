"""What a model card tells of a training."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import torch

from sdseg.model.card import ModelCard
from sdseg.model.kinds import SDSEG
from sdseg.training.config import TrainingConfig
from sdseg.training.data import TrainingData
from sdseg.training.data_config import DatasetConfig
from sdseg.training.engine import Engine
from sdseg.volume.recipe import Recipe


def training_card(
    config: TrainingConfig, data: TrainingData, recipe: Recipe, engine: Engine, steps: int, start_sha256: str | None
) -> ModelCard:
    """The card of a finished training. No paths of images: they may hold names of patients."""
    told = config.model_dump(mode="json", exclude={"data", "workers"})
    training: dict[str, Any] = {
        "config": told,
        "data": _describe(config, data),
        "command": " ".join(["sdseg", *sys.argv[1:]]),
        "software": {name: version(name) for name in ("sdseg", "torch", "diffusers", "monai")},
        "steps": steps,
        "seconds": round(engine.journal.seconds, 1),
        "device": _device_name(engine.processes.device),
        "processes": engine.processes.count,
        "finished": datetime.now(UTC).strftime("%Y-%m-%d"),
        **({"start_sha256": start_sha256} if start_sha256 else {}),
    }
    model = config.model
    preset = model.preset if model.kind == SDSEG else f"{recipe.image_size} pixels"
    structures = dict(config.structures)
    return ModelCard(config.name, preset, dict(data.labels), recipe, training, model.kind, structures)


def _describe(config: TrainingConfig, data: TrainingData) -> dict[str, Any]:
    counts = {"train": len(data.train), "validation": len(data.validation)}
    if isinstance(config.data, DatasetConfig):
        return {"dataset": config.data.dataset, "options": config.data.options, **counts}
    return counts


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
