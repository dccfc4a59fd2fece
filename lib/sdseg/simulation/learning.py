"""How a simulated model learns from the images just labelled: as the server's does, the older ones mixed in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from sdseg.simulation.plan import Plan
from sdseg.simulation.pool import Pool
from sdseg.training.retrain import RetrainConfig, train_on
from sdseg.training.slices import SliceStack


def retrain_on(
    model: Any, pool: Pool, old: Sequence[int], new: Sequence[int], plan: Plan, seed: int, device: str, watch: Any
) -> None:
    """Train `model` on, in place: `plan.replay_share` of the draws fall on `old`, the others on `new`."""
    chosen = [*old, *new]
    share = plan.replay_share if old else 0.0
    weights = [*_spread(share, old), *_spread(1 - share, new)]
    stack = SliceStack(pool.images(chosen), pool.truth(chosen), torch.tensor(weights))
    config = RetrainConfig(
        max_epochs=plan.steps,  # enough: what counts are the steps
        max_steps=plan.steps,
        batch_size=plan.batch_size,
        learning_rate=plan.learning_rate,
        val_split=0.0,
        seed=seed,
        device=device,
    )
    train_on(model, stack, config, watch=watch)


def _spread(share: float, places: Sequence[int]) -> list[float]:
    """The share divided among the places."""
    return [share / len(places) for _ in places]
