"""How fast a model is asked to run, and at which price: the engine, and which decoder, encoder and U-Net."""

from __future__ import annotations

from dataclasses import dataclass

from sdseg.engines.engine import ENGINES, PLAIN
from sdseg.errors import UnknownNameError

AUTO = "auto"
"""The cheapest exact engine that is installed, by measurement."""
FULL, LITE = "full", "lite"
SIZES = (FULL, LITE)
PARTS = ("decoder", "encoder", "unet")


@dataclass(frozen=True)
class Speed:
    """What is asked for, or, as `Segmenter.speed`, what really runs.

    Attributes:
        engine: auto, plain or a name of `ENGINES`.
        decoder, encoder, unet: full, as trained, or lite, the small ones that `sdseg distill` makes.

    Raises:
        UnknownNameError: there is no such engine, decoder, encoder or U-Net.
    """

    engine: str = AUTO
    decoder: str = FULL
    encoder: str = FULL
    unet: str = FULL

    def __post_init__(self) -> None:
        _check("engine", self.engine, (AUTO, PLAIN, *ENGINES))
        for part, value in self.parts.items():
            _check(part, value, SIZES)

    @property
    def parts(self) -> dict[str, str]:
        """Which decoder, encoder and U-Net, by their names in `PARTS`."""
        return {part: str(getattr(self, part)) for part in PARTS}

    @property
    def is_lite(self) -> bool:
        """Whether a part is another than the one that was trained."""
        return LITE in self.parts.values()

    @property
    def lite_options(self) -> str:
        """Its lite parts as options of a command, each after a space: " --decoder lite"."""
        return "".join(f" --{part} {LITE}" for part, value in self.parts.items() if value == LITE)

    @property
    def identity(self) -> dict[str, str]:
        """What of it can change a mask beyond rounding: lite parts and engines that are not exact; {} otherwise."""
        found = {part: value for part, value in self.parts.items() if value != FULL}
        if self.engine in ENGINES and not ENGINES[self.engine].exact:
            found["engine"] = self.engine
        return found


def _check(what: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise UnknownNameError(f"There is no {what} {str(value)[:80]!r}; choose one of: {', '.join(known)}.")


PLAIN_SPEED = Speed(PLAIN)
