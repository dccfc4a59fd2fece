"""What is to be measured, and who takes part."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sdseg.bench.contestant import Contestant, baseline
from sdseg.engines.engine import PLAIN, Engine, engines_for, get_engine
from sdseg.engines.speed import AUTO, PARTS
from sdseg.errors import InputError
from sdseg.model.card import ModelCard
from sdseg.model.kinds import SDSEG, lite_folder
from sdseg.model.presets import get_preset

RIVALS = ("basic_unet", "dyn_unet")
_EFFORT = {("sd", "cpu"): (3, 4)}  # two cores take half an hour for it


@dataclass(frozen=True)
class Plan:
    """What `sdseg bench` was asked for.

    Attributes:
        preset: size of a model with random weights.
        weights: a weights folder of SDSeg instead; its card tells the preset.
        images: what is segmented instead of random slices; needs `weights`, whose recipe prepares it.
        engines: names; None for all that are installed and run on the device.
        rounds, slices, batch_size, threads, device: see `sdseg bench --help`.

    Raises:
        SdsegError: one of them cannot be.
    """

    preset: str
    weights: Path | None
    images: Path | None
    engines: tuple[str, ...] | None
    rounds: int
    slices: int
    batch_size: int
    threads: int
    device: str

    def __post_init__(self) -> None:
        size_of(self.preset, self.weights)
        if self.engines == ():
            raise InputError("No engine is named in --engines; leave it out for all that are installed.")
        if self.images is not None and self.weights is None:
            raise InputError(f"{self.images} is prepared by the recipe of a model; give its --weights too.")
        if self.weights is not None and ModelCard.load(self.weights).kind != SDSEG:
            raise InputError(f"{self.weights} holds another model than SDSeg, which has no engines to compare.")

    @property
    def size(self) -> str:
        """Name of the preset."""
        return size_of(self.preset, self.weights)

    @property
    def model(self) -> str:
        """For people."""
        return self.weights.name if self.weights else f"preset {self.preset}, random weights"

    def chosen(self) -> list[Engine]:
        """The engines. Raises UnknownNameError, InputError."""
        if self.engines is None:
            return engines_for(self.device)
        return [get_engine(name, self.device) for name in self.engines if name not in (PLAIN, AUTO)]

    def contestants(self, rivals: bool = True) -> list[Contestant]:
        """Baseline, engines, lite parts run by the engines that suit them, and MONAI's networks."""
        chosen = self.chosen()
        lite = chosen if self.engines is not None else _fastest(chosen)
        return [
            baseline(self.size, self.weights),
            *(self._contestant(engine.name) for engine in chosen),
            *(self._contestant(engine.name, parts) for parts in self.lite for engine in lite),
            *(Contestant(name, self.size, rival=name, batch_size=self.batch_size) for name in RIVALS if rivals),
        ]

    def whole_contestants(self) -> list[Contestant]:
        """Baseline, the engine that would be chosen or those that are named, and the lite parts."""
        names = self.engines or (AUTO,)
        return [
            baseline(self.size, self.weights),
            *(self._contestant(name) for name in names),
            *(self._contestant(name, parts) for parts in self.lite for name in names),
        ]

    @property
    def lite(self) -> list[tuple[str, ...]]:
        """The lite parts that are tried together: those of the autoencoder, and, where there is one, the U-Net too; of
        random weights, or those that lie beside these."""
        weights = self.weights
        there = tuple(part for part in PARTS if weights is None or (weights / lite_folder(part)).is_dir())
        return [parts for parts in dict.fromkeys((tuple(part for part in there if part != "unet"), there)) if parts]

    def _contestant(self, engine: str, lite: tuple[str, ...] = ()) -> Contestant:
        name = f"lite {'+'.join(lite)}, {engine}" if lite else engine
        return Contestant(name, self.size, self.weights, engine, batch_size=self.batch_size, lite=lite)


def size_of(preset: str, weights: Path | None) -> str:
    """Name of the preset: that of the weights, if there are any. Raises SdsegError: there is no such thing."""
    return get_preset(preset if weights is None else ModelCard.load(weights).preset).name


def usual_effort(preset: str, weights: Path | None, device: str) -> tuple[int, int]:
    """Rounds, and slices (with `--train`, steps) in a round, if nobody says otherwise. Raises SdsegError."""
    return _EFFORT.get((size_of(preset, weights), device), (5, 8))


def _fastest(engines: list[Engine]) -> list[Engine]:
    """One of each backend, in the lowest of its precisions that is exact, and those that are nearly so."""
    exact = {engine.backend: engine for engine in engines if engine.exact}
    return [*exact.values(), *(engine for engine in engines if not engine.exact and not engine.calibrated)]
