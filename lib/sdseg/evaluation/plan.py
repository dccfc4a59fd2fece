"""What an evaluation is asked to do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from sdseg.errors import InputError, UnknownNameError

TABLES = ("accuracy", "efficiency", "stability", "convergence", "reverse", "ablation")

Update = Callable[[int, int, str], None]
Stage = Callable[[str], AbstractContextManager[Update]]


def silent(title: str) -> AbstractContextManager[Update]:
    """A stage whose progress nobody watches."""
    return nullcontext(lambda done, total, note="": None)


@dataclass(frozen=True)
class Plan:
    """Choices of an evaluation.

    Attributes:
        tables: of TABLES, which to make.
        seed: of the noise and of the bootstrap.
        steps: of the reverse process, for models that have one; None: as many as a model takes by itself.
        batch_size: slices at a time.
        tolerance: of the surface Dice, mm or pixels.
        resamples: of the bootstrap.
        rounds: of the timing.
        compared_steps: DDIM steps to time the single step against.
        runs: how many noises the stability is measured with.
        step_counts: of the convergence curve.
        lpips_weights: state dict of `lpips.LPIPS(net="alex")`; None: LPIPS is not computed.
    """

    tables: Sequence[str] = ("accuracy",)
    seed: int = 0
    steps: int | None = None
    batch_size: int = 8
    tolerance: float = 2.0
    resamples: int = 10_000
    rounds: int = 5
    compared_steps: int = 10
    runs: int = 10
    step_counts: Sequence[int] = (1, 2, 5, 10, 20, 50)
    lpips_weights: Path | None = None

    def __post_init__(self) -> None:
        for name in self.tables:
            if name not in TABLES:
                raise UnknownNameError(f"There is no table '{name}'; choose of: {', '.join(TABLES)}, or all.")
        counts = (
            1 if self.steps is None else self.steps,
            self.batch_size,
            self.rounds,
            self.compared_steps,
            *self.step_counts,
        )
        if not self.tables or not self.step_counts or min(counts) < 1 or self.runs < 2 or not self.tolerance > 0:
            raise InputError(
                "An evaluation needs a table, at least one step, slice and round, two noises and a tolerance above 0."
            )


def parse_tables(text: str) -> tuple[str, ...]:
    """ "accuracy,stability" or "all" -> names, which the Plan checks."""
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    return TABLES if names == ("all",) else names
