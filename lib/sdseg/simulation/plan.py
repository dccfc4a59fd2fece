"""What a simulation does: how much is labelled when, by whose choice, and how the model learns from it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from sdseg.errors import InputError
from sdseg.simulation.strategies import check_strategies

PAINTING_SPEED = 2000.0
"""Voxels of a 128 x 128 slice that are painted in a minute: an assumption, made plain in docs/simulation.md.

COCO's annotators took 79 s an object (Lin et al., arXiv 1405.0312: 22 worker hours per 1,000 segmentations); the mean
polyp of Kvasir-SEG holds about 2,600 voxels of 128 x 128, which makes 2,000 a minute.
"""


@dataclass(frozen=True)
class Plan:
    """A simulation, the data left aside.

    Attributes:
        start: images labelled before the first model.
        ask: images asked for in each round.
        rounds: how often.
        seeds: each another start, other noise, another order.
        strategies: who chooses.
        first_steps: of the first model's training.
        steps: of each retraining.
        batch_size: slices a step, of both.
        learning_rate: of each retraining.
        replay_share: of a retraining's draws that fall on images labelled in earlier rounds.
        candidates: images of the pool that are scored each round, drawn at random; None for all.
        noises: of the uncertainty.
        painting_speed: voxels a minute.

    Raises:
        InputError: a number that cannot be.
        UnknownNameError: there is no such strategy.
    """

    start: int = 10
    ask: int = 10
    rounds: int = 4
    seeds: tuple[int, ...] = (0, 1, 2)
    strategies: tuple[str, ...] = ("random", "sdseg_uncertainty")
    first_steps: int = 500
    steps: int = 150
    batch_size: int = 8
    learning_rate: float = 5e-4
    replay_share: float = 0.3
    candidates: int | None = None
    noises: int = 5
    painting_speed: float = PAINTING_SPEED

    def __post_init__(self) -> None:
        check_strategies(self.strategies)
        counts = ("start", "ask", "rounds", "first_steps", "steps", "batch_size", "learning_rate", "painting_speed")
        for name in counts:
            if not getattr(self, name) > 0:
                raise InputError(f"{name} must be more than 0, not {getattr(self, name)}.")
        if self.noises < 2:
            raise InputError(f"noises must be at least 2, not {self.noises}: one mask cannot differ from itself.")
        if not 0 <= self.replay_share < 1:
            raise InputError(f"replay_share must be at least 0 and less than 1, not {self.replay_share}.")
        if self.candidates is not None and self.candidates < self.ask:
            raise InputError(f"Of {self.candidates} candidates no {self.ask} can be asked for: allow more.")
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise InputError(f"Name each seed once, not {', '.join(map(str, self.seeds)) or 'none at all'}.")

    @property
    def largest(self) -> int:
        """Images labelled at the end."""
        return self.start + self.rounds * self.ask

    def fixed(self) -> dict[str, Any]:
        """What must not change when a simulation goes on: not the seeds, strategies and rounds, which may be added to,
        nor the painting speed, which changes no record."""
        values = asdict(self)
        return {name: value for name, value in values.items() if name not in _FREE}


_FREE = {"seeds", "strategies", "rounds", "painting_speed"}
