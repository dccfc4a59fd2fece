"""Which engine is the cheapest on this machine."""

from __future__ import annotations

from dataclasses import dataclass

from sdseg.engines.engine import PLAIN
from sdseg.model.pipeline import SDSegPipeline


@dataclass(frozen=True)
class Choice:
    """An engine and why.

    Attributes:
        engine: its name.
        seconds: that it takes for a slice.
        measured: whether it was measured now, not remembered.
    """

    engine: str
    seconds: float
    measured: bool


def choose_engine(pipeline: SDSegPipeline, device: str) -> Choice:
    """The plain one, until there are others to be measured."""
    return Choice(PLAIN, 0.0, False)
