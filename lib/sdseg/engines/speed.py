"""How fast a model is asked to run, and at which price: the engine, and which decoder and encoder."""

from __future__ import annotations

from dataclasses import dataclass

from sdseg.engines.engine import ENGINES, PLAIN
from sdseg.errors import UnknownNameError

AUTO = "auto"
"""The cheapest exact engine that is installed, by measurement."""
FULL, LITE = "full", "lite"
SIZES = (FULL, LITE)


@dataclass(frozen=True)
class Speed:
    """What is asked for, or, as `Segmenter.speed`, what really runs.

    Attributes:
        engine: auto, plain or a name of `ENGINES`.
        decoder, encoder: full, as trained, or lite, the small ones that `sdseg distill` makes.

    Raises:
        UnknownNameError: there is no such engine, decoder or encoder.
    """

    engine: str = AUTO
    decoder: str = FULL
    encoder: str = FULL

    def __post_init__(self) -> None:
        _check("engine", self.engine, (AUTO, PLAIN, *ENGINES))
        _check("decoder", self.decoder, SIZES)
        _check("encoder", self.encoder, SIZES)

    @property
    def is_lite(self) -> bool:
        """Whether a part is another than the one that was trained."""
        return LITE in (self.decoder, self.encoder)

    @property
    def identity(self) -> dict[str, str]:
        """What of it can change a mask beyond rounding: lite parts and engines that are not exact; {} otherwise."""
        found = {part: value for part, value in (("decoder", self.decoder), ("encoder", self.encoder)) if value != FULL}
        if self.engine in ENGINES and not ENGINES[self.engine].exact:
            found["engine"] = self.engine
        return found


def _check(what: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise UnknownNameError(f"There is no {what} {str(value)[:80]!r}; choose one of: {', '.join(known)}.")


PLAIN_SPEED = Speed(PLAIN)
