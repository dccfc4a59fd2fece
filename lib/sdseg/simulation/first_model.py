"""The model a simulation begins with: trained on the few images labelled at the start."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL

from sdseg.durable import new_beside, sync_tree
from sdseg.errors import InputError
from sdseg.model.kinds import SDSEG
from sdseg.model.networks import build_autoencoder
from sdseg.model.presets import get_preset
from sdseg.simulation.ground import Watch
from sdseg.simulation.plan import Plan
from sdseg.simulation.pool import Pool
from sdseg.training.autoencoding import autoencoder_stage
from sdseg.training.build import check_kind, learner_of, load_autoencoder, sdseg_pipeline, stage_of
from sdseg.training.config import TrainingConfig
from sdseg.training.draws import seed_of
from sdseg.training.engine import Engine
from sdseg.training.journal import Journal
from sdseg.training.processes import Processes
from sdseg.training.slices import SliceStack
from sdseg.training.stage import StageConfig


@dataclass(frozen=True)
class FirstModel:
    """Trains first models; the autoencoder is trained once, for all seeds, or given.

    It learns to reproduce the images and the masks of the whole pool, each for itself: never which mask belongs to
    which image. A user takes Stable Diffusion's instead.

    Attributes:
        config: of the training.
        plan: how long.
        folder: of the autoencoder; made where it does not exist.
        given: an autoencoder to be used instead of training one.
        device: torch device.

    Raises:
        InputError: no SDSeg model, or there is no autoencoder to be had.
    """

    config: TrainingConfig
    plan: Plan
    folder: Path
    given: Path | None = None
    device: str = "cpu"

    def __post_init__(self) -> None:
        check_kind(self.config.model)
        stage_of(self.config)
        if self.config.model.kind != SDSEG:
            raise InputError(
                f"Only sdseg can be unsure of its masks: the configuration asks for {self.config.model.kind}."
            )
        if self.given is None and self.config.autoencoder is None:
            raise InputError(
                "There is no autoencoder: add a section 'autoencoder' to the configuration, or name a folder with "
                "--autoencoder, or begin with a trained model: --weights."
            )

    def train(self, pool: Pool, chosen: Sequence[int], seed: int, watch: Watch) -> Any:
        """A pipeline trained on the chosen images, in evaluation mode; `watch` as in `Ground`."""
        vae = self._autoencoder(pool, watch)
        torch.manual_seed(seed_of(seed, 2))
        pipeline = sdseg_pipeline(self.config.model, self.config.labels, vae).to(self.device)
        pipeline.set_progress_bar_config(disable=True)
        stage = self._stage()
        learner = learner_of(pipeline, stage, self.config.model.frozen_encoder)
        self._engine(seed, watch).train("first", learner, SliceStack(pool.images(chosen), pool.truth(chosen)), stage)
        return pipeline

    def _stage(self) -> StageConfig:
        """The configured one, as long as the plan says."""
        steps = self.plan.first_steps
        # An average over hundreds of steps would be of untrained weights in a run as short as this.
        changes = {
            "steps": steps,
            "minutes": None,
            "batch_size": self.plan.batch_size,
            "accumulate": 1,
            "warmup_steps": max(1, steps // 20),
            "ema_decay": 0.99,
        }
        return stage_of(self.config).model_copy(update=changes)

    def _engine(self, seed: int, watch: Watch) -> Engine:
        return Engine(
            Processes(self.device), Journal(None), seed=seed, between=lambda done, of: watch("first model", done, of)
        )

    def _autoencoder(self, pool: Pool, watch: Watch) -> AutoencoderKL:
        preset = get_preset(self.config.model.preset)
        if self.folder.exists():
            return load_autoencoder(self.folder, preset).to(self.device)
        if self.given:
            vae, stage = load_autoencoder(self.given, preset), None
        else:
            torch.manual_seed(seed_of(self.config.seed, 1))
            vae, stage = build_autoencoder(preset), self.config.autoencoder
        autoencoder_stage(self._engine(self.config.seed, watch), vae.to(self.device), pool.stack, stage)
        _save(vae, self.folder)
        return vae


def _save(vae: AutoencoderKL, folder: Path) -> None:
    staging = new_beside(folder)
    try:
        vae.save_pretrained(staging)
        sync_tree(staging)
        staging.rename(folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
