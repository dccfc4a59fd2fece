"""What comes out when a challenger is compared with the champion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sdseg.errors import InputError


@dataclass(frozen=True)
class ClassJudgement:
    """One structure.

    Attributes:
        structure: its name.
        champion, challenger: mean Dice over the images; None where no image could be scored.
        difference: challenger minus champion; None likewise.
        low, high: 95% interval of the difference over the patients; None with fewer than two of them.
        images, patients: how many were scored.
        worse: whether the difference speaks against the challenger.
        scores: Dice of champion and challenger, a pair an image, in the order of the images.
    """

    structure: str
    champion: float | None
    challenger: float | None
    difference: float | None
    low: float | None
    high: float | None
    images: int
    patients: int
    worse: bool
    scores: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class Judgement:
    """A verdict with its reasons. It names no image and no patient.

    Attributes:
        accepted: whether the challenger may be served.
        reason: one sentence with figures.
        margin: by how much Dice it might have been worse.
        champion_sha256, challenger_sha256: identities of the weights.
        classes: a comparison each structure.
        images, patients: by how many it was judged.
        unreadable: validation images that could not be read, and were left out.
        seed, device: both models ran with.
        made: when, ISO 8601, UTC.
    """

    accepted: bool
    reason: str
    margin: float
    champion_sha256: str
    challenger_sha256: str
    classes: tuple[ClassJudgement, ...] = ()
    images: int = 0
    patients: int = 0
    unreadable: int = 0
    seed: int = 0
    device: str = "cpu"
    made: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Judgement:
        """What `to_dict` made, also after a way through JSON.

        Raises:
            InputError: it is something else.
        """
        try:
            classes = tuple(
                ClassJudgement(**{**each, "scores": tuple((float(a), float(b)) for a, b in each["scores"])})
                for each in values["classes"]
            )
            return cls(**{**values, "classes": classes})
        except (TypeError, KeyError, ValueError) as error:
            raise InputError(f"The judgement is damaged ({error}); judge the weights again.") from error
