"""What the first model of a simulation is made of: nothing, an autoencoder, or a trained model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sdseg.errors import InputError, WeightsError
from sdseg.model.card import ModelCard
from sdseg.model.pipeline import SDSegPipeline
from sdseg.model.weights import load_weights, weights_sha256
from sdseg.simulation.first_model import FirstModel
from sdseg.simulation.ground import Watch
from sdseg.simulation.learning import retrain_on
from sdseg.simulation.plan import Plan
from sdseg.simulation.pool import Pool
from sdseg.training.build import recipe_of
from sdseg.training.config import TrainingConfig
from sdseg.training.data import TrainingData

Begin = Callable[[Pool, list[int], int, Watch], Any]
"""(pool, places labelled at the start, seed, watch) -> the pipeline of the start."""


@dataclass(frozen=True)
class Beginning:
    """By default the stages of the configuration, from nothing.

    Attributes:
        autoencoder: a diffusers AutoencoderKL folder to be used instead of training one.
        weights: a weights folder whose model is trained on instead.

    Raises:
        InputError: both.
    """

    autoencoder: Path | None = None
    weights: Path | None = None

    def __post_init__(self) -> None:
        if self.autoencoder and self.weights:
            raise InputError("Weights bring their autoencoder with them: give one of the two.")

    def facts(self) -> dict[str, Any]:
        """What is begun with."""
        return {
            "weights": weights_sha256(self.weights) if self.weights else None,
            "autoencoder": str(self.autoencoder) if self.autoencoder else None,
        }

    def card(self, config: TrainingConfig, data: TrainingData) -> ModelCard:
        """Of every model of the simulation: that of the weights, or a new one.

        Raises:
            WeightsError: the weights know other labels than the data.
        """
        if not self.weights:
            recipe = recipe_of(config, {name: asdict(window) for name, window in data.windows.items()})
            return ModelCard(config.name, config.model.preset, dict(data.labels), recipe, {"simulated": True})
        card = ModelCard.load(self.weights)
        if card.labels != data.labels:
            raise WeightsError(f"{self.weights} knows the labels {card.labels}, the data have {dict(data.labels)}.")
        return card

    def begin(self, config: TrainingConfig, plan: Plan, folder: Path, device: str) -> Begin:
        """How the model of the start comes about.

        Args:
            config: of its training.
            plan: how long.
            folder: of the autoencoder, see `FirstModel`.
            device: torch device.

        Raises:
            InputError: there is neither an autoencoder nor a stage to train one.
        """
        if not self.weights:
            return FirstModel(config, plan, folder, self.autoencoder, device).train
        weights = self.weights

        def train_on(pool: Pool, chosen: list[int], seed: int, watch: Watch) -> Any:
            model = load_weights(weights, device, kind=SDSegPipeline)
            retrain_on(model, pool, (), chosen, plan, seed, device, watch)
            return model

        return train_on
