"""From tensors in our naming to a pipeline, without filling it with random numbers first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch
from diffusers import AutoencoderKL

from sdseg.model.networks import build_autoencoder, build_unet
from sdseg.model.pipeline import SDSegPipeline
from sdseg.model.presets import ModelPreset
from sdseg.model.schedule import make_scheduler
from sdseg.model.unet import DenoisingUNet
from sdseg.model.vision_encoder import VisionEncoder
from sdseg.weights.layout import Tensors

_Module = TypeVar("_Module", bound=torch.nn.Module)


@dataclass(frozen=True)
class Imported:
    """A pipeline that came from elsewhere.

    Attributes:
        pipeline: float32, in evaluation mode.
        preset: its sizes; the name is a preset's or "custom".
        facts: where it came from, for the card: what was dropped, which weights of the U-Net, steps trained.
        note: of a checkpoint that we exported: labels, recipe and provenance.
    """

    pipeline: SDSegPipeline
    preset: ModelPreset
    facts: dict[str, Any] = field(default_factory=dict)
    note: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Skeleton:
    """The three networks of a preset on the meta device: names and shapes, no memory."""

    vae: AutoencoderKL
    vision_encoder: VisionEncoder
    unet: DenoisingUNet

    @classmethod
    def of(cls, preset: ModelPreset, classes: int | None) -> Skeleton:
        """Networks of the preset's sizes; `classes` for a class-conditional U-Net."""
        with torch.device("meta"):
            vae = build_autoencoder(preset)
            return cls(vae, VisionEncoder.from_autoencoder(vae), build_unet(preset, classes))

    def fill(self, vae: Tensors, vision_encoder: Tensors, unet: Tensors, scaling_factor: float) -> SDSegPipeline:
        """The pipeline with these tensors, which become its own."""
        self.vae.register_to_config(scaling_factor=scaling_factor)
        networks = ((self.vae, vae), (self.vision_encoder, vision_encoder), (self.unet, unet))
        for network, tensors in networks:
            network.load_state_dict(tensors, assign=True)
            network.eval().requires_grad_(False)
        pipeline = SDSegPipeline(self.vae, self.vision_encoder, self.unet, make_scheduler())
        pipeline.set_progress_bar_config(disable=True)
        return pipeline


def from_seed(seed: int, build: Callable[[], _Module]) -> _Module:
    """A network with the random weights of the seed; the caller's random numbers are left alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build()
