"""A whole training run: data, autoencoder, diffusion, weights folder."""

from __future__ import annotations

import sys
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL

from sdseg.errors import InputError, WeightsError
from sdseg.model.card import ModelCard
from sdseg.model.device import check_device
from sdseg.model.pipeline import SDSegPipeline, build_autoencoder, build_pipeline
from sdseg.model.presets import ModelPreset, get_preset
from sdseg.model.weights import save_weights
from sdseg.training.augment import make_sampler
from sdseg.training.autoencoder import measure_scaling_factor, train_autoencoder
from sdseg.training.config import TrainingConfig
from sdseg.training.diffusion import Snapshot, train_diffusion
from sdseg.training.journal import Journal, Progress
from sdseg.training.slices import SliceStack, load_slices
from sdseg.volume.recipe import Recipe


class TrainingRun:
    """Trains a model from a configuration into `output`.

    `output/autoencoder` holds stage one's result, `output/weights` the finished weights folder,
    `output/log.jsonl` the losses.

    Args:
        config: validated.
        output: folder; must not hold finished weights.
        device: torch device.
        progress: see `Journal`.
        autoencoder: a diffusers AutoencoderKL folder to use instead of training one.
        snapshot_every: save a weights folder into `output/snapshots` every so many steps of stage two; 0: never.

    Raises:
        InputError: the preset and the recipe disagree, the output exists, or there is no such device.
    """

    def __init__(
        self,
        config: TrainingConfig,
        output: Path,
        device: str = "cpu",
        progress: Progress | None = None,
        autoencoder: Path | None = None,
        snapshot_every: int = 0,
    ) -> None:
        self.config = config
        self.preset: ModelPreset = get_preset(config.preset)
        self.recipe = recipe_of(config, self.preset)
        self.output = output
        self.weights = output / "weights"
        self._device = str(check_device(device))
        self._journal = Journal(output / "log.jsonl", progress)
        self._autoencoder = autoencoder
        self._snapshot_every = snapshot_every
        if self.weights.exists():
            raise InputError(f"{self.weights} exists already; choose another output folder.")

    def run(self) -> Path:
        """Train both stages and return the weights folder."""
        stack = self._start()
        vae = self._trained_autoencoder(stack)
        pipeline = build_pipeline(self.preset, vae)
        pipeline.to(self._device)
        self.train_diffusion(pipeline, stack)
        save_weights(pipeline, self._card(), self.weights)
        return self.weights

    def run_autoencoder(self) -> Path:
        """Train stage one only and return its folder."""
        self._trained_autoencoder(self._start())
        return self.output / "autoencoder"

    def _start(self) -> SliceStack:
        torch.manual_seed(self.config.seed)
        return load_slices(self.config.data, self.recipe, self.config.labels)

    def _trained_autoencoder(self, stack: SliceStack) -> AutoencoderKL:
        """The given autoencoder or a newly trained one, its `scaling_factor` measured on masks of this run."""
        settings = self.config.autoencoder
        new_sampler = partial(make_sampler, stack, settings, self.recipe, self.config.seed + 1)
        if self._autoencoder is not None:
            vae = load_autoencoder(self._autoencoder, self.preset).to(self._device)
        else:
            vae = build_autoencoder(self.preset).to(self._device)
            report = partial(self._journal.record, "autoencoder", of=settings.steps)
            train_autoencoder(vae, new_sampler(), settings, self._autocast, report)
        sampler = new_sampler()  # the same masks whether stage one was just run or not
        masks = torch.cat([sampler.draw()[1] for _ in range(8)])
        vae.register_to_config(scaling_factor=measure_scaling_factor(vae, masks))
        if self._autoencoder is None:
            vae.save_pretrained(self.output / "autoencoder")
        return vae

    def train_diffusion(self, pipeline: SDSegPipeline, stack: SliceStack) -> None:
        """Train stage two of `pipeline` in place."""
        settings = self.config.diffusion
        sampler = make_sampler(stack, settings, self.recipe, seed=self.config.seed + 2)
        report = partial(self._journal.record, "diffusion", of=settings.steps)
        snapshot = Snapshot(self._snapshot_every, partial(self._save_snapshot, pipeline))
        train_diffusion(
            pipeline,
            sampler,
            settings,
            self._autocast,
            self.config.seed + 3,
            report,
            snapshot if self._snapshot_every else None,
        )

    def _save_snapshot(self, pipeline: SDSegPipeline, step: int) -> None:
        save_weights(pipeline, self._card(), self.output / "snapshots" / f"step-{step}", torch.float32)

    def _autocast(self) -> torch.autocast:
        device_type = torch.device(self._device).type
        return torch.autocast(device_type, torch.bfloat16, enabled=self.config.precision == "bf16")

    def _card(self) -> ModelCard:
        training: dict[str, Any] = {
            "config": self.config.model_dump(mode="json"),
            "command": " ".join(["sdseg", *sys.argv[1:]]),
            "software": {name: version(name) for name in ("sdseg", "torch", "diffusers", "monai")},
        }
        return ModelCard(self.config.name, self.preset.name, dict(self.config.labels), self.recipe, training)


def recipe_of(config: TrainingConfig, preset: ModelPreset) -> Recipe:
    """The recipe of a configuration, at the preset's image size."""
    values = {**Recipe(image_size=preset.image_size).to_dict(), **config.recipe}
    try:
        recipe = Recipe.from_dict(values)
    except TypeError as error:
        raise InputError(f"recipe: {error}.") from error
    if recipe.image_size != preset.image_size:
        raise InputError(
            f"recipe.image_size is {recipe.image_size}, but preset '{preset.name}' is made for {preset.image_size}."
        )
    return recipe


def load_autoencoder(folder: Path, preset: ModelPreset) -> AutoencoderKL:
    """Load a diffusers AutoencoderKL folder of the preset's latents.

    Raises:
        WeightsError: it is not one, or its latents have another size.
    """
    try:
        vae = AutoencoderKL.from_pretrained(folder, low_cpu_mem_usage=False)
    except (OSError, ValueError, RuntimeError) as error:
        raise WeightsError(f"{folder} is not a diffusers AutoencoderKL folder ({error}).") from error
    shrink = 2 ** (len(vae.config.block_out_channels) - 1)
    if (vae.config.latent_channels, preset.image_size // shrink) != (preset.latent_channels, preset.latent_size):
        raise WeightsError(f"The latents of {folder} do not fit the preset '{preset.name}'; choose another preset.")
    return vae
