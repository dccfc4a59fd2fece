"""What became of one series in a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from sdseg.batch.found import Found


class Fate(StrEnum):
    """Of one series."""

    WAITING = "waiting"
    DONE = "done"
    """Segmented by this run."""
    BEFORE = "before"
    """Segmented by a run before this one."""
    EMPTY = "empty"
    """The model found nothing, now or before: there is no SEG."""
    SKIPPED = "skipped"
    """The weights are not made for it."""
    FAILED = "failed"


@dataclass
class Record:
    """One series and its fate.

    Attributes:
        found: the series.
        key: identity of its result; "" where it is not wanted.
        fate: so far.
        sentence: why, of empty, skipped and failed.
        seconds: of each stage, as its worker measured it.
        slices: how many were segmented.
        attempts: of this run.
        delivered: whether the target confirmed it, now or before.
    """

    found: Found
    key: str = ""
    fate: Fate = Fate.WAITING
    sentence: str = ""
    seconds: dict[str, float] = field(default_factory=dict)
    slices: int = 0
    attempts: int = 0
    delivered: bool = False

    @property
    def has_seg(self) -> bool:
        return self.fate in (Fate.DONE, Fate.BEFORE)

    def end(self, fate: Fate, sentence: str = "") -> None:
        """Its fate is known."""
        self.fate, self.sentence = fate, sentence
