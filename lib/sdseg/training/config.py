"""What a training run is made of: one validated object, read from one YAML file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from sdseg.errors import InputError


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ExampleConfig(_Strict):
    """One labelled image: a DICOM folder, NIfTI, NRRD or picture, and its mask on the same grid."""

    image: Path
    label: Path
    modality: str | None = None


class AugmentationConfig(_Strict):
    """Random changes of a training slice; angles in radians, lengths as a fraction of the slice.

    `scale` is the range by which the field of view grows, each axis for itself: 0.3 shows 1.3 times as much.
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


class StageConfig(_Strict):
    """AdamW with linear warm-up, then constant or falling along a half cosine, on augmented slices."""

    steps: int = Field(gt=0)
    batch_size: int = Field(default=4, gt=0)
    learning_rate: float = Field(gt=0)
    warmup_steps: int = Field(default=0, ge=0)
    schedule: Literal["constant", "cosine"] = "constant"
    weight_decay: float = Field(default=0.01, ge=0)
    clip_norm: float = Field(default=1.0, gt=0)
    augmentation: AugmentationConfig = Field(default_factory=AugmentationConfig)


class AutoencoderConfig(StageConfig):
    """Training of the KL autoencoder, on images and masks alike; it is frozen afterwards."""

    kl_weight: float = Field(default=1e-6, ge=0)


class DiffusionConfig(StageConfig):
    """Training of U-Net and vision encoder; the defaults are the paper's.

    The latent loss equals the noise loss weighted by sqrt(1 / abar_t - 1): `timesteps` and the three weights
    are all there is to choose.

    Attributes:
        timesteps: first and last t drawn, inclusive; (0, 999) in the paper. Inference uses 999 alone.
        noise_weight: of mean |noise - predicted noise|.
        latent_weight: of mean |z0 - estimated z0| (the paper's lambda).
        mask_weight: of 1 - soft Dice of the decoded estimate (not in the paper).
        ema_decay: the most the average of the U-Net's weights keeps a step.
    """

    timesteps: tuple[int, int] = (0, 999)
    noise_weight: float = Field(default=1.0, ge=0)
    latent_weight: float = Field(default=1.0, ge=0)
    mask_weight: float = Field(default=0.0, ge=0)
    ema_decay: float = Field(default=0.9999, ge=0, lt=1)

    @model_validator(mode="after")
    def _check(self) -> DiffusionConfig:
        first, last = self.timesteps
        if not 0 <= first <= last <= 999:
            raise ValueError(f"timesteps must satisfy 0 <= first <= last <= 999, not {first}, {last}")
        if self.noise_weight + self.latent_weight + self.mask_weight == 0:
            raise ValueError("at least one of noise_weight, latent_weight and mask_weight must be positive")
        return self


class TrainingConfig(_Strict):
    """A whole run: data, sizes, both stages, seed."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    preset: str = "small"
    labels: dict[str, int]
    recipe: dict[str, Any] = Field(default_factory=dict)
    data: tuple[ExampleConfig, ...] = Field(min_length=1)
    autoencoder: AutoencoderConfig
    diffusion: DiffusionConfig
    precision: Literal["fp32", "bf16"] = "fp32"
    seed: int = 0


def load_config(path: Path) -> TrainingConfig:
    """Read a training configuration; relative paths in it are relative to the file.

    Raises:
        InputError: no such file, not YAML, or a field that is wrong; the message names it.
    """
    if not path.is_file():
        raise InputError(f"There is no training configuration at {path}; give a YAML file.")
    try:
        values = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise InputError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from error
    return parse_config(values, origin=str(path), base=path.parent)


def parse_config(values: Any, origin: str, base: Path) -> TrainingConfig:
    """Validate plain values as a configuration; see `load_config`."""
    try:
        config = TrainingConfig.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise InputError(f"{origin}: {where}: {first['msg']}.") from error
    data = tuple(
        example.model_copy(update={"image": base / example.image, "label": base / example.label})
        for example in config.data
    )
    return config.model_copy(update={"data": data})
