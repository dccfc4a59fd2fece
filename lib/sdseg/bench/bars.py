"""What is aimed at, and whether it was reached: a figure, and the least or the most it may be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sdseg.bench.rounds import Outcome
from sdseg.engines.engine import ENGINES
from sdseg.evaluation.report import Table

FULL_SIZE = "sd"
EXACT, INT8, LITE, LITE_UNET = 3.0, 5.0, 20.0, 40.0
"""Times the baseline at full size on two processor cores: the best engine of each kind must reach it."""
_DICE = {"exact": 0.999, "close": 0.995, "int8": 0.995}
_TRAINED_ONLY = "Dice with the baseline"


@dataclass(frozen=True)
class Bar:
    """Attributes: what is measured; value; the least, or the most, it may be."""

    what: str
    value: float
    at_least: float | None = None
    at_most: float | None = None

    def __post_init__(self) -> None:
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError(f"{self.what} needs a least or a most value, and one alone")

    @property
    def is_met(self) -> bool:
        if self.at_least is not None:
            return self.value >= self.at_least
        return self.at_most is not None and self.value <= self.at_most

    @property
    def wanted(self) -> str:
        return f"at least {self.at_least:g}" if self.at_least is not None else f"at most {self.at_most:g}"


def speed_bars(outcomes: Sequence[Outcome], is_full_size: bool, is_trained: bool) -> list[Bar]:
    """Ratios are asked for at full size; masks, of trained weights at any size."""
    bars = []
    if is_full_size:
        for kind, least in (("exact", EXACT), ("int8", INT8), ("lite", LITE), ("lite U-Net", LITE_UNET)):
            ratios = [one.ratio for one in outcomes[1:] if kind_of(one) == kind]
            if ratios:
                bars.append(Bar(f"best {kind} engine: times the baseline", max(ratios), at_least=least))
    for one in outcomes[1:]:
        if is_trained and one.agreement is not None and (kind := kind_of(one)) in _DICE:
            bars.append(Bar(f"{one.contestant.name}: {_TRAINED_ONLY}", one.agreement.dice, at_least=_DICE[kind]))
    return bars


def kind_of(outcome: Outcome) -> str:
    """exact, close (not exact, in floating point), int8, lite, lite U-Net (that too), or rival."""
    one = outcome.contestant
    if one.rival:
        return "rival"
    if one.lite:
        return "lite U-Net" if "unet" in one.lite else "lite"
    engine = ENGINES.get(one.engine)
    if engine is None or engine.exact:
        return "exact"
    return "int8" if engine.calibrated else "close"


def bars_table(bars: Sequence[Bar]) -> Table:
    """One row a bar."""
    rows = tuple((bar.what, bar.value, bar.wanted, "yes" if bar.is_met else "NO") for bar in bars)
    return Table("bars", "What is aimed at", ("what", "measured", "wanted", "reached"), rows)
