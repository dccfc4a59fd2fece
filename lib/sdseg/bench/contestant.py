"""Who is timed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sdseg.engines.engine import PLAIN

BASELINE = "baseline"


@dataclass(frozen=True)
class Contestant:
    """One way to segment slices; small enough to be sent to the process that runs it.

    Attributes:
        name: in the table.
        preset: size of a model with random weights, whose work is that of trained ones; with `weights` not used.
        weights: a weights folder, or None.
        engine: how its networks are run; "plain" as they were loaded.
        rival: kind of a rival of `image_size` instead of SDSeg, or "".
        batch_size: slices at a time.
        is_paper: the paper's loop as its authors run it, with nothing set.
        lite: names of the parts that are lite; of a preset they have random weights.
    """

    name: str
    preset: str
    weights: Path | None = None
    engine: str = PLAIN
    rival: str = ""
    batch_size: int = 1
    is_paper: bool = False
    lite: tuple[str, ...] = ()

    @property
    def is_comparable(self) -> bool:
        """Whether its masks can be held against the baseline's: the same weights, or parts distilled from them."""
        return not self.rival and (self.weights is not None or not self.lite)


@dataclass(frozen=True)
class Facts:
    """What is known of a contestant once it is loaded.

    Attributes:
        image_size: rows = columns of its slices.
        gflop: of one slice, counted on the plain networks; None where they cannot be counted.
        parameters: of its networks, in millions.
        load_seconds: from nothing to ready.
    """

    image_size: int
    gflop: float | None
    parameters: float
    load_seconds: float


def baseline(preset: str, weights: Path | None) -> Contestant:
    """The paper's loop: one slice after the other, float32, nothing set."""
    return Contestant(BASELINE, preset, weights, is_paper=True)
