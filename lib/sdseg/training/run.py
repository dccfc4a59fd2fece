"""A whole training run: data, stages, weights folder - and going on where it was interrupted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from diffusers import AutoencoderKL, DiffusionPipeline

from sdseg.errors import InputError
from sdseg.model.card import ModelCard
from sdseg.model.kinds import SDSEG
from sdseg.model.networks import UNMEASURED, build_autoencoder
from sdseg.model.pipeline import SDSegPipeline
from sdseg.model.presets import get_preset
from sdseg.model.weights import save_weights, weights_sha256
from sdseg.training.autoencoding import autoencoder_stage
from sdseg.training.build import (
    check_kind,
    learner_of,
    load_autoencoder,
    recipe_of,
    rival_pipeline,
    sdseg_pipeline,
    stage_of,
)
from sdseg.training.config import TrainingConfig
from sdseg.training.data import TrainingData, find_data
from sdseg.training.draws import seed_of
from sdseg.training.engine import Engine
from sdseg.training.journal import Journal, Progress
from sdseg.training.moments import Every, Look
from sdseg.training.preview import Preview
from sdseg.training.processes import Processes
from sdseg.training.provenance import training_card
from sdseg.training.run_folder import RunFolder
from sdseg.training.slices import SliceStack, load_slices
from sdseg.training.start import started_pipeline


@dataclass(frozen=True)
class RunOptions:
    """What is not part of the configuration: the result is the same whatever they are.

    Attributes:
        device: torch device.
        resume: go on where the run in the output folder stopped, if there is one.
        autoencoder: a diffusers AutoencoderKL folder to use instead of training one.
        start: a weights folder to start from, e.g. one of `sdseg weights import`.
        snapshot_every: save the averaged weights every so many steps; 0: only at the end.
        should_stop: asked after every step; the run then stops and can be resumed.
    """

    device: str = "cpu"
    resume: bool = False
    autoencoder: Path | None = None
    start: Path | None = None
    snapshot_every: int = 0
    should_stop: Callable[[], bool] = field(default=lambda: False)


class TrainingRun:
    """Trains a model from a configuration into a folder, see `RunFolder`.

    Args:
        config: validated.
        output: folder; holds no other run, or this one, to be resumed.
        options: device, what to start from.
        progress: see `Journal`.

    Raises:
        InputError: configuration, data and output do not go together, or there is no such device.
    """

    def __init__(
        self, config: TrainingConfig, output: Path, options: RunOptions | None = None, progress: Progress | None = None
    ) -> None:
        self.config = config
        self.options = options or RunOptions()
        check_kind(config.model)
        self.data: TrainingData = find_data(config)
        self.stage = stage_of(config)
        self.recipe = recipe_of(config, {name: asdict(window) for name, window in self.data.windows.items()})
        self._check_autoencoder()
        self.folder = RunFolder(output)
        processes = Processes(self.options.device)
        if processes.is_main:
            self.folder.claim(config, self.options.resume)
        processes.wait()
        main = processes.is_main
        self.engine = Engine(
            processes,
            Journal(
                self.folder.log if main else None,
                progress if main else None,
                config.log_every,
                tensorboard=self.folder.tensorboard if main else None,
            ),
            self.folder.checkpoints,
            config.precision,
            config.seed,
            config.checkpoint_every,
            config.workers,
            self.options.should_stop,
        )

    def run(self) -> Path:
        """Train what is left to train and return the weights folder."""
        if self.folder.weights.exists():
            return self.folder.weights
        stack = load_slices(self.data.train, self.recipe, self.data.labels)
        pipeline = self._pipeline(stack)
        steps = self.train(pipeline, stack)
        if self.engine.processes.is_main:
            save_weights(pipeline, self._card(steps), self.folder.weights)
            self.folder.clean()
        self.engine.journal.close()
        self.engine.processes.wait()
        return self.folder.weights

    def run_autoencoder(self) -> Path:
        """Train stage one only and return its folder."""
        self._autoencoder(load_slices(self.data.train, self.recipe, self.data.labels))
        self.engine.journal.close()
        return self.folder.autoencoder

    def train(self, pipeline: DiffusionPipeline, stack: SliceStack) -> int:
        """Train the main stage of `pipeline` in place; returns the number of steps."""
        if self.config.checkpointing:
            _recompute_activations(pipeline)
        learner = learner_of(pipeline, self.stage, self.config.model.frozen_encoder)
        name = "diffusion" if self.stage is self.config.diffusion else "segmentation"
        return self.engine.train(name, learner, stack, self.stage, self._looks(name, pipeline))

    def _check_autoencoder(self) -> None:
        """Whether there is one to be had, before images are loaded for nothing."""
        if self.config.model.kind != SDSEG or self.options.autoencoder or self.options.start or self.config.autoencoder:
            return
        raise InputError(
            "There is no autoencoder: add a section 'autoencoder' to train one, or name one with --autoencoder, "
            "or a weights folder with --start."
        )

    def _pipeline(self, stack: SliceStack) -> DiffusionPipeline:
        model, labels, device = self.config.model, self.data.labels, str(self.engine.processes.device)
        if self.options.start:
            started = started_pipeline(self.options.start, model, labels, device)
            if isinstance(started, SDSegPipeline) and started.vae.config.scaling_factor == UNMEASURED:
                autoencoder_stage(self.engine, started.vae, stack, None)
            return started
        vae = self._autoencoder(stack) if model.kind == SDSEG else None
        torch.manual_seed(seed_of(self.config.seed, 2))  # the random weights, also when resumed
        pipeline = sdseg_pipeline(model, labels, vae) if vae is not None else rival_pipeline(model, labels)
        return pipeline.to(device)

    def _autoencoder(self, stack: SliceStack) -> AutoencoderKL:
        """The given one, the one trained before the run was interrupted, or a newly trained one."""
        preset, device = get_preset(self.config.model.preset), self.engine.processes.device
        if self.folder.autoencoder.exists():
            return load_autoencoder(self.folder.autoencoder, preset).to(device)
        settings = self.config.autoencoder
        if self.options.autoencoder:
            vae, settings = load_autoencoder(self.options.autoencoder, preset).to(device), None
        else:
            torch.manual_seed(seed_of(self.config.seed, 1))
            vae = build_autoencoder(preset).to(device)
        autoencoder_stage(self.engine, vae, stack, settings)
        if self.engine.processes.is_main:
            self.folder.save_autoencoder(vae)
        self.engine.processes.wait()
        return vae

    def _looks(self, stage: str, pipeline: DiffusionPipeline) -> tuple[Look, ...]:
        preview, every = self.config.preview, self.options.snapshot_every
        looks: list[Look] = []
        if preview.every and self.data.validation:
            stack = load_slices(self.data.validation, self.recipe, self.data.labels)
            shown = Preview(stage, pipeline, stack, preview, self.engine.journal, self.folder.pictures)
            looks.append(Every(preview.every, shown))
        if every:
            looks.append(Every(every, lambda step: self._save_snapshot(pipeline, step)))
        return tuple(looks)

    def _save_snapshot(self, pipeline: DiffusionPipeline, step: int) -> None:
        save_weights(pipeline, self._card(step), self.folder.snapshot(step), torch.float32)

    def _card(self, steps: int) -> ModelCard:
        started = weights_sha256(self.options.start) if self.options.start else None
        return training_card(self.config, self.data, self.recipe, self.engine, steps, started)


def _recompute_activations(pipeline: DiffusionPipeline) -> None:
    modules = [
        part for part in pipeline.components.values() if getattr(part, "_supports_gradient_checkpointing", False)
    ]
    if not modules:
        raise InputError("This model cannot recompute activations; leave 'checkpointing' out.")
    for module in modules:
        module.enable_gradient_checkpointing()
