"""What a model is trained on for: as it was trained before, as far as its card tells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from sdseg.model.card import ModelCard
from sdseg.model.kinds import SDSEG
from sdseg.training.retrain_config import RetrainConfig
from sdseg.training.stage import DiffusionConfig

_KEPT = ("augmentation", "latent_weight", "mask_weight", "weight_decay", "clip_norm")
_MOST_WARMUP = 10  # steps, where time is short


def stage_for(card: ModelCard | None, config: RetrainConfig, steps: int) -> DiffusionConfig:
    """The stage that trains a model on; a rival's learner takes its steps, rates and augmentation.

    Augmentation, latent and mask terms are those of the model's own training. Noise and timesteps are not: trained
    weights learn fastest near the one step that is used.
    """
    ours = {
        "steps": steps,
        "batch_size": config.batch_size,
        "learning_rate": config.rate,
        # Adam's first steps are as long as the rate whatever the gradient: trained weights need a gentle start.
        "warmup_steps": max(1, min(steps // 20, _MOST_WARMUP if config.minutes else steps)),
        "schedule": "cosine",
        "timesteps": (950, 999),
        "noise_weight": 0.0,
        "ema_decay": config.ema_decay,
        "class_rate": 1.0,  # the embedding has learnt already
    }
    before = _section(card) if card else {}
    kept = {name: before[name] for name in _KEPT if before.get(name) is not None}
    try:
        return DiffusionConfig.model_validate({**kept, **ours})
    except ValidationError:  # what a card tells is free-form: of another version, or another program
        return DiffusionConfig.model_validate(ours)


def has_frozen_encoder(card: ModelCard | None) -> bool:
    """Whether the vision encoder was left as it was."""
    model = _mapping(_mapping(card.training.get("config")).get("model")) if card else {}
    return model.get("frozen_encoder") is True


def _section(card: ModelCard) -> Mapping[str, Any]:
    """The configuration of the stage that trained the model."""
    config = _mapping(card.training.get("config"))
    names = ("diffusion",) if card.kind == SDSEG else ("segmentation", "diffusion")
    return next((found for name in names if (found := _mapping(config.get(name)))), {})


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
