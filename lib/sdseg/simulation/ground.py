"""What all courses of a simulation play on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sdseg.errors import InputError
from sdseg.model.card import ModelCard
from sdseg.simulation.book import Book
from sdseg.simulation.plan import Plan
from sdseg.simulation.pool import Pool

Watch = Callable[[str, int, int], None]
"""Called with (what is being done, done, total)."""


@dataclass(frozen=True)
class Ground:
    """Data, plan, and where the result goes.

    Attributes:
        plan: of the simulation.
        pool: what may be labelled.
        validation: by which every model is measured; none of its patients is in the pool.
        card: of the models.
        book: where rounds are kept.
        begin: (places labelled at the start, seed) -> the model of the start.
        device: torch device.
        watch: see `Watch`.

    Raises:
        InputError: a patient is on both sides, or there are not enough images.
    """

    plan: Plan
    pool: Pool
    validation: Pool
    card: ModelCard
    book: Book
    begin: Callable[[list[int], int], Any]
    device: str
    watch: Watch

    def __post_init__(self) -> None:
        if both := set(self.pool.groups) & set(self.validation.groups):
            raise InputError(
                f"{len(both)} patients lie in training and in validation ({min(both)} is one): put each on one side, "
                "or what is measured does not hold for a new patient."
            )
        if self.plan.largest > len(self.pool):
            raise InputError(
                f"{self.plan.largest} images would be labelled in the end, but there are {len(self.pool)}: "
                "start with fewer, ask for fewer, or play fewer rounds."
            )
