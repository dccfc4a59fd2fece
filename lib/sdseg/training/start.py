"""Starting from a weights folder: a trained model to be trained on, or Stable Diffusion's weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from diffusers import DiffusionPipeline

from sdseg.errors import WeightsError
from sdseg.model.card import ModelCard, check_labels
from sdseg.model.cross_attention import CrossAttentionUNet
from sdseg.model.kinds import SDSEG
from sdseg.model.pipeline import SDSegPipeline
from sdseg.model.schedule import make_scheduler
from sdseg.model.unet import DenoisingUNet
from sdseg.model.vision_encoder import VisionEncoder
from sdseg.model.weights import load_weights
from sdseg.training.build import classes_of, image_size_of
from sdseg.training.config import ModelConfig


def started_pipeline(folder: Path, model: ModelConfig, labels: dict[str, int], device: str) -> DiffusionPipeline:
    """The pipeline of a weights folder, to be trained on; imported starting weights take the configured variant.

    Raises:
        WeightsError: it is unusable, or another model than the configuration says.
    """
    card = ModelCard.load(folder)
    if card.kind != model.kind:
        raise WeightsError(f"{folder} holds a model of the kind {card.kind}, the configuration asks for {model.kind}.")
    pipeline: Any = load_weights(folder, device, kind=DiffusionPipeline)
    if pipeline.image_size != image_size_of(model):
        raise WeightsError(
            f"{folder} is made for {pipeline.image_size} pixels, the configuration for {image_size_of(model)}."
        )
    if model.kind == SDSEG:
        if card.training.get("trained") is False:
            _take_variant(pipeline, model, classes_of(model, labels), device)
        _check_variant(folder, pipeline, model)
    check_labels(labels, pipeline.classes)
    return pipeline


def _take_variant(pipeline: SDSegPipeline, model: ModelConfig, classes: int | None, device: str) -> None:
    """Starting weights know neither classes nor a prediction type, and their vision encoder is a copy of E."""
    pipeline.register_modules(scheduler=make_scheduler(model.prediction_type))
    if classes is not None:
        pipeline.register_modules(unet=_with_classes(pipeline.unet, classes).to(device))
    if model.frozen_encoder:
        pipeline.register_modules(vision_encoder=VisionEncoder.from_autoencoder(pipeline.vae, frozen=True).to(device))


def _with_classes(unet: DenoisingUNet, classes: int) -> DenoisingUNet:
    """The same network with a class embedding drawn at random."""
    conditional = type(unet).from_config({**unet.config, "num_class_embeds": classes})
    conditional.load_state_dict({**conditional.state_dict(), **unet.state_dict()})
    return conditional


def _check_variant(folder: Path, pipeline: SDSegPipeline, model: ModelConfig) -> None:
    conditioning = "cross_attention" if isinstance(pipeline.unet, CrossAttentionUNet) else "concat"
    found = {"conditioning": conditioning, "prediction_type": str(pipeline.scheduler.config.prediction_type)}
    for name, value in found.items():
        if getattr(model, name) != value:
            raise WeightsError(
                f"{folder} holds a model with {name} {value}, the configuration asks for {getattr(model, name)}: "
                "change one, or start from an autoencoder alone with --autoencoder."
            )
