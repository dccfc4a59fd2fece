"""What one training stage is made of: steps, rates, batch, augmentation - and the losses of each kind of model."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Strict(BaseModel):
    """Unknown keys are errors: a misspelt setting must not be ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class AugmentationConfig(Strict):
    """Random changes of a training slice; angles in radians, lengths as a fraction of the slice.

    `scale` is the range by which the field of view grows, each axis for itself: 0.3 shows 1.3 times as much.
    The paper flips, and does nothing else: `AugmentationConfig.flips()`.
    """

    probability: float = Field(default=0.8, ge=0, le=1)
    rotate: float = 0.25
    scale: tuple[float, float] = (-0.2, 0.2)
    shear: float = 0.1
    translate: float = 0.08
    flip_rows: bool = False
    flip_columns: bool = True
    gamma: tuple[float, float] = (0.6, 1.7)
    noise: float = 0.06
    bias_field: float = 0.3
    blur: float = 1.0

    @property
    def moves(self) -> bool:
        """Whether masks are changed; where they are not, their latents can be kept."""
        still = not (self.rotate or any(self.scale) or self.shear or self.translate) or not self.probability
        return not still or self.flip_rows or self.flip_columns

    @property
    def widened(self) -> AugmentationConfig:
        """The same changes over wider ranges, for images whose masks nobody has to keep true: every slice is moved,
        half as far again, and its values are changed twice as much. What is not changed at all stays so."""
        half_more, (low, high) = 1.5, self.gamma
        return AugmentationConfig(
            probability=1.0 if self.probability else 0.0,
            rotate=half_more * self.rotate,
            scale=(max(-0.5, half_more * self.scale[0]), half_more * self.scale[1]),
            shear=half_more * self.shear,
            translate=half_more * self.translate,
            flip_rows=self.flip_rows,
            flip_columns=self.flip_columns,
            gamma=(low**2, high**2),
            noise=2 * self.noise,
            bias_field=2 * self.bias_field,
            blur=2 * self.blur,
        )


class StageConfig(Strict):
    """AdamW with linear warm-up, then constant or falling along a half cosine, on augmented slices.

    Attributes:
        steps: optimiser steps; with `minutes` the most there may be.
        minutes: a time budget: the number of steps is set by the speed of the first ones.
        batch_size: slices a step, over all processes and micro-batches together.
        accumulate: micro-batches a step, one after the other: memory for time.
        learning_rate: of AdamW.
        warmup_steps: steps until the rate is reached.
        schedule: what the rate does then.
        weight_decay: of AdamW.
        clip_norm: largest norm of the gradient.
        ema_decay: the most the moving average of the weights keeps a step.
        augmentation: of the slices.
    """

    steps: int = Field(default=1_000_000, gt=0)
    minutes: float | None = Field(default=None, gt=0)
    batch_size: int = Field(default=4, gt=0)
    accumulate: int = Field(default=1, gt=0)
    learning_rate: float = Field(gt=0)
    warmup_steps: int = Field(default=0, ge=0)
    schedule: Literal["constant", "cosine"] = "constant"
    weight_decay: float = Field(default=0.01, ge=0)
    clip_norm: float = Field(default=1.0, gt=0)
    ema_decay: float = Field(default=0.9999, ge=0, lt=1)
    augmentation: AugmentationConfig = Field(default_factory=AugmentationConfig)

    @model_validator(mode="after")
    def _check_stage(self) -> StageConfig:
        if self.minutes is None and "steps" not in self.model_fields_set:
            raise ValueError("steps or minutes must be given")
        if self.batch_size % self.accumulate:
            raise ValueError(f"batch_size {self.batch_size} cannot be divided into {self.accumulate} micro-batches")
        return self


class AutoencoderConfig(StageConfig):
    """Training of the KL autoencoder, on images and masks alike; it is frozen afterwards.

    Attributes:
        kl_weight: of the Kullback-Leibler term.
        mask_fraction: how much of the L1 loss is the masks': a half weighs both alike.
    """

    kl_weight: float = Field(default=1e-6, ge=0)
    mask_fraction: float = Field(default=0.5, ge=0, le=1)


class SegmentationConfig(StageConfig):
    """Training of a network that predicts the mask itself (a rival)."""


class DiffusionConfig(StageConfig):
    """Training of U-Net and vision encoder; the defaults are the paper's.

    The latent loss equals the noise loss weighted by sqrt(1 / abar_t - 1): `timesteps` and the three weights
    are all there is to choose.

    Attributes:
        timesteps: first and last t drawn, inclusive; (0, 999) in the paper. Inference uses 999 alone.
        noise_weight: of mean |noise - predicted noise|.
        latent_weight: of mean |z0 - estimated z0| (the paper's lambda).
        mask_weight: of 1 - soft Dice of the decoded estimate (not in the paper).
        class_rate: how many times faster the class embedding learns (100 in the authors' code).
    """

    timesteps: tuple[int, int] = (0, 999)
    noise_weight: float = Field(default=1.0, ge=0)
    latent_weight: float = Field(default=1.0, ge=0)
    mask_weight: float = Field(default=0.0, ge=0)
    class_rate: float = Field(default=100.0, gt=0)

    @model_validator(mode="after")
    def _check(self) -> DiffusionConfig:
        first, last = self.timesteps
        if not 0 <= first <= last <= 999:
            raise ValueError(f"timesteps must satisfy 0 <= first <= last <= 999, not {first}, {last}")
        if self.noise_weight + self.latent_weight + self.mask_weight == 0:
            raise ValueError("at least one of noise_weight, latent_weight and mask_weight must be positive")
        return self
